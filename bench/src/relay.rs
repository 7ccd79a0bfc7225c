//! The bare relay: two TLS legs, and one comparison that inserts the key.
//!
//! It has no policy, audit, limit or supervision.
//!
//! It uses its client's HTTP version upstream, on kept connections, which is the cheapest known way, and parses CONNECT
//! by hand. So its cost is a lower bound.

mod upstream;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use self::upstream::Upstream;
use crate::Broken;
use crate::origin::{KEY, KEY_HEADER, PLACEHOLDER};
use crate::serve::serve;
use crate::tls::{Ca, provider};

/// The origin, and the folder for the relay's own files.
#[derive(Args, Debug)]
pub struct RelayArgs {
    /// Address of the origin, for every name
    #[arg(long)]
    pub origin: SocketAddr,
    /// PEM file of the origin's CA
    #[arg(long)]
    pub origin_ca: PathBuf,
    /// Folder for the relay's certificate and address
    #[arg(long)]
    pub dir: PathBuf,
}

/// The file with the relay's address, written when the relay listens.
pub const ADDRESS: &str = "address";
/// The file with the relay's certificate.
pub const CA: &str = "ca.pem";

struct Relay {
    ca: Ca,
    /// TLS settings for each host, made at the first request for it.
    leaves: Mutex<HashMap<String, Arc<ServerConfig>>>,
    upstream: Upstream,
}

/// Runs the relay until the process ends.
///
/// # Errors
/// A file cannot be written, or no port can be bound.
pub async fn run(arguments: RelayArgs) -> Result<(), Broken> {
    let upstream = Upstream::new(arguments.origin, &std::fs::read_to_string(&arguments.origin_ca)?)?;
    let relay = Arc::new(Relay { ca: Ca::new("bench relay")?, leaves: Mutex::default(), upstream });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    std::fs::write(arguments.dir.join(CA), relay.ca.pem())?;
    put(&arguments.dir.join(ADDRESS), &listener.local_addr()?.to_string())?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(tunnel(relay.clone(), stream));
    }
}

/// Writes the file in one step.
fn put(path: &Path, text: &str) -> std::io::Result<()> {
    let fresh = path.with_extension("fresh");
    std::fs::write(&fresh, text)?;
    std::fs::rename(fresh, path)
}

async fn tunnel(relay: Arc<Relay>, mut stream: TcpStream) -> Result<(), Broken> {
    let host: Arc<str> = connect_target(&mut stream).await?.into();
    let leaf = relay.leaf(&host)?;
    serve(stream, leaf, move |request| forward(relay.clone(), host.clone(), request)).await
}

/// Reads a CONNECT request and accepts it.
async fn connect_target(stream: &mut TcpStream) -> Result<String, Broken> {
    let mut head = Vec::with_capacity(512);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Err("the client hung up".into());
        }
    }
    let text = str::from_utf8(&head)?;
    let target = text.strip_prefix("CONNECT ").and_then(|rest| rest.split_once(":443 ")).ok_or("not a CONNECT")?.0;
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    Ok(target.to_owned())
}

async fn forward(
    relay: Arc<Relay>,
    host: Arc<str>,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>, Broken> {
    if let Some(key) = request.headers_mut().get_mut(KEY_HEADER)
        && key == PLACEHOLDER
    {
        *key = HeaderValue::from_static(KEY);
    }
    relay.upstream.send(&host, request).await
}

impl Relay {
    fn leaf(&self, host: &str) -> Result<Arc<ServerConfig>, Broken> {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = leaves.get(host) {
            return Ok(leaf.clone());
        }
        let leaf = self.ca.server(&[host], provider(false))?;
        leaves.insert(host.to_owned(), leaf.clone());
        Ok(leaf)
    }
}
