//! Kept connections to the origin: one request at a time in HTTP/1.1, one connection for each host in HTTP/2.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Broken;
use crate::tls::{Http, connector, provider};

type One = http1::SendRequest<Incoming>;
type Two = http2::SendRequest<Incoming>;

pub(super) struct Upstream {
    origin: SocketAddr,
    tls: [TlsConnector; 2],
    ones: Mutex<HashMap<String, Vec<One>>>,
    /// Held during a dial, so that a burst of requests does not dial many times.
    twos: tokio::sync::Mutex<HashMap<String, Two>>,
}

impl Upstream {
    pub(super) fn new(origin: SocketAddr, ca_pem: &str) -> Result<Self, Broken> {
        let tls = [connector(ca_pem, Http::One, provider(false))?, connector(ca_pem, Http::Two, provider(false))?];
        Ok(Self { origin, tls, ones: Mutex::default(), twos: tokio::sync::Mutex::default() })
    }

    pub(super) async fn send(&self, host: &str, request: Request<Incoming>) -> Result<Response<Incoming>, Broken> {
        if request.version() == Version::HTTP_2 {
            return Ok(self.two(host).await?.send_request(request).await?);
        }
        let mut sender = match self.idle(host) {
            Some(sender) => sender,
            None => self.one(host).await?,
        };
        let response = sender.send_request(request).await?;
        // It is ready again when the body has been read.
        self.ones.lock().unwrap_or_else(PoisonError::into_inner).entry(host.to_owned()).or_default().push(sender);
        Ok(response)
    }

    fn idle(&self, host: &str) -> Option<One> {
        let mut ones = self.ones.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = ones.get_mut(host)?;
        kept.retain(|sender| !sender.is_closed());
        let at = kept.iter().position(|sender| sender.is_ready())?;
        Some(kept.swap_remove(at))
    }

    async fn one(&self, host: &str) -> Result<One, Broken> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(self.dial(host, Http::One).await?)).await?;
        tokio::spawn(connection);
        sender.ready().await?;
        Ok(sender)
    }

    async fn two(&self, host: &str) -> Result<Two, Broken> {
        let mut twos = self.twos.lock().await;
        if let Some(sender) = twos.get(host).filter(|sender| !sender.is_closed()) {
            return Ok(sender.clone());
        }
        let stream = TokioIo::new(self.dial(host, Http::Two).await?);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
        tokio::spawn(connection);
        twos.insert(host.to_owned(), sender.clone());
        Ok(sender)
    }

    async fn dial(&self, host: &str, http: Http) -> Result<TlsStream<TcpStream>, Broken> {
        let stream = TcpStream::connect(self.origin).await?;
        stream.set_nodelay(true)?;
        let [one, two] = &self.tls;
        let tls = if http == Http::Two { two } else { one };
        Ok(tls.connect(ServerName::try_from(host.to_owned())?, stream).await?)
    }
}
