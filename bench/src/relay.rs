//! The bare relay: two TLS legs, the key put in by plain comparison, and no policy, audit, limit or supervision.
//!
//! It speaks upstream what its client speaks, on kept connections, which is the cheapest that is known. CONNECT
//! is read by hand. So it is a floor, not a peer.

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

/// Where it finds the origin, and where it says how it is found.
#[derive(Args, Debug)]
pub struct RelayArgs {
    /// The origin, whatever its name
    #[arg(long)]
    pub origin: SocketAddr,
    /// The PEM file of the origin's authority
    #[arg(long)]
    pub origin_ca: PathBuf,
    /// The folder for its own certificate and its address
    #[arg(long)]
    pub dir: PathBuf,
}

/// The file with its address, written when it listens.
pub const ADDRESS: &str = "address";
/// The file with its certificate.
pub const CA: &str = "ca.pem";

struct Relay {
    ca: Ca,
    /// TLS settings for each host, made when it is first asked for.
    leaves: Mutex<HashMap<String, Arc<ServerConfig>>>,
    upstream: Upstream,
}

/// Runs it until the process is ended.
///
/// # Errors
/// A file or the port cannot be had.
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

/// The file is there at once and whole.
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

/// Reads a CONNECT request and says yes.
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
