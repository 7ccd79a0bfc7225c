//! The listener of every kind of origin, with or without TLS.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::record::Records;
use super::tee::Tee;
use super::wire::BoxIo;

/// A connection after its handshake.
pub struct Accepted {
    /// The decrypted stream.
    pub stream: Tee<BoxIo>,
    /// The SNI, if TLS and sent.
    pub sni: Option<String>,
    /// The protocol that ALPN settled on.
    pub alpn: Option<Vec<u8>>,
}

/// A bound port and its accepting task. Dropping it closes the port and its connections.
pub struct Listening {
    /// The address of the port.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listening {
    /// Binds `address` now and serves each connection by `serve`, inside the current runtime.
    pub fn start<F, S>(address: SocketAddr, tls: Option<Arc<ServerConfig>>, records: &Records, serve: S) -> Self
    where
        S: Fn(Accepted) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let bound = std::net::TcpListener::bind(address).expect("the origin's address can be bound");
        bound.set_nonblocking(true).expect("a listener can be non-blocking");
        let listener = TcpListener::from_std(bound).expect("origins start inside a tokio runtime");
        let address = listener.local_addr().expect("a bound listener has an address");
        let records = records.clone();
        let task = tokio::spawn(async move {
            // Held by this task, so that its end also ends the connections.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, records, serve) = (tls.clone(), records.clone(), serve.clone());
                connections.spawn(async move {
                    if let Some(accepted) = accept(stream, tls, &records).await {
                        serve(accepted).await;
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, task }
    }

    /// Closes the port and its connections, as an origin that shuts down.
    pub fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn accept(stream: TcpStream, tls: Option<Arc<ServerConfig>>, records: &Records) -> Option<Accepted> {
    // Without this, Nagle's algorithm and delayed acks show up as the proxy's latency.
    stream.set_nodelay(true).ok()?;
    let Some(tls) = tls else {
        let stream = Tee::new(Box::new(stream) as BoxIo, records);
        return Some(Accepted { stream, sni: None, alpn: None });
    };
    let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await else {
        records.handshake_failed();
        return None;
    };
    let session = stream.get_ref().1;
    let sni = session.server_name().map(str::to_owned);
    let alpn = session.alpn_protocol().map(<[u8]>::to_vec);
    let stream = Tee::new(Box::new(stream) as BoxIo, records);
    Some(Accepted { stream, sni, alpn })
}
