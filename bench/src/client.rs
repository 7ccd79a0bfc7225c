//! One connection through a proxy to the origin, and requests on it.

use std::net::SocketAddr;

use http::{Method, Request, Response, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::Broken;
use crate::origin::KEY_HEADER;
use crate::payload::Zeros;
use crate::tls::Http;

/// The way to the origin.
#[derive(Clone)]
pub struct Way {
    /// The proxy, or the origin itself.
    pub address: SocketAddr,
    /// Whether it is a proxy.
    pub is_proxy: bool,
    /// TLS for HTTP/1.1 and for HTTP/2.
    pub tls: [TlsConnector; 2],
    /// The content of the key's header.
    pub key: &'static str,
}

/// An open connection.
pub enum Connection {
    /// HTTP/1.1.
    One(http1::SendRequest<Zeros>),
    /// HTTP/2; its clones share it.
    Two(http2::SendRequest<Zeros>),
}

impl Way {
    /// Opens a connection to the origin under this name.
    ///
    /// # Errors
    /// The proxy refused, or a certificate is not trusted.
    pub async fn connect(&self, host: &str, http: Http) -> Result<Connection, Broken> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        if self.is_proxy {
            ask_for_tunnel(&mut stream, host).await?;
        }
        let [one, two] = &self.tls;
        let tls = if http == Http::Two { two } else { one };
        let stream = TokioIo::new(tls.connect(ServerName::try_from(host.to_owned())?, stream).await?);
        Ok(if http == Http::Two {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
            tokio::spawn(connection);
            Connection::Two(sender)
        } else {
            let (sender, connection) = http1::handshake(stream).await?;
            tokio::spawn(connection);
            Connection::One(sender)
        })
    }

    /// A request to the origin under this name, with a body of zeros.
    ///
    /// # Errors
    /// Never: it is well-formed.
    pub fn request(&self, host: &str, http: Http, path: &str, body: Zeros) -> Result<Request<Zeros>, Broken> {
        let is_get = hyper::body::Body::is_end_stream(&body);
        let builder = Request::builder().method(if is_get { Method::GET } else { Method::POST });
        let builder = match http {
            Http::One => builder.uri(path).header("host", host),
            Http::Two => builder.uri(format!("https://{host}{path}")).version(Version::HTTP_2),
        };
        let builder = builder.header("user-agent", "bench/1").header("accept", "application/json");
        let builder = builder.header("content-type", "application/json").header("x-request-id", "0123456789abcdef");
        Ok(builder.header(KEY_HEADER, self.key).body(body)?)
    }
}

/// Opens a tunnel.
async fn ask_for_tunnel(stream: &mut TcpStream, host: &str) -> Result<(), Broken> {
    let ask = format!("CONNECT {host}:443 HTTP/1.1\r\nhost: {host}:443\r\n\r\n");
    stream.write_all(ask.as_bytes()).await?;
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        // The proxy says nothing after its head until it is spoken to.
        if stream.read_buf(&mut head).await? == 0 {
            return Err("the proxy hung up".into());
        }
    }
    if head.starts_with(b"HTTP/1.1 200") { Ok(()) } else { Err(String::from_utf8_lossy(&head).into()) }
}

impl Connection {
    /// A second sender on the same connection, if the HTTP version lets requests share it.
    pub fn share(&self) -> Option<Self> {
        match self {
            Self::One(_) => None,
            Self::Two(sender) => Some(Self::Two(sender.clone())),
        }
    }

    /// Sends a request; the response must be 200.
    ///
    /// # Errors
    /// The request was not sent, or the response is not 200.
    pub async fn send(&mut self, request: Request<Zeros>) -> Result<Response<Incoming>, Broken> {
        let response = match self {
            Self::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Self::Two(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        if response.status() == 200 { Ok(response) } else { Err(response.status().to_string().into()) }
    }
}

/// Reads a body to its end.
///
/// # Errors
/// The body was truncated.
pub async fn read(response: Response<Incoming>) -> Result<(), Broken> {
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(())
}
