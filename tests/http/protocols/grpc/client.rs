//! A gRPC client over a connection through the proxy.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, BufMut as _};
use futures_util::Stream;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder, Streaming};
use tonic::{Request, Response, Status};
use tower_service::Service;

use crate::support::Client as Harness;
use crate::support::tls::Sni;

/// Messages that are just text.
#[derive(Clone, Copy, Default)]
pub(super) struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        String::from_utf8(bytes.into()).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

/// One HTTP/2 connection; clones share it.
#[derive(Clone)]
struct Connection(http2::SendRequest<Body>);

impl Service<http::Request<Body>> for Connection {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(task)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// A client of one server.
#[derive(Clone)]
pub(super) struct Client(Grpc<Connection>);

impl Client {
    pub(super) async fn connect(harness: &Harness, host: &str) -> Self {
        let wire = harness.raw_tls_tunnel(&format!("{host}:443"), Sni::Host, &["h2"]).await.expect("a tunnel");
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(wire)).await;
        let (sender, connection) = handshake.expect("a connection");
        // Its errors are those of the calls on it.
        tokio::spawn(async move { drop(connection.await) });
        let server = format!("https://{host}").parse().expect("a URI");
        Self(Grpc::with_origin(Connection(sender), server))
    }

    async fn ready(&mut self) -> Result<(), Status> {
        self.0.ready().await.map_err(|error| Status::unavailable(error.to_string()))
    }

    pub(super) async fn unary(&mut self, method: &str, message: Request<String>) -> Result<Response<String>, Status> {
        self.ready().await?;
        self.0.unary(message, path(method), Text).await
    }

    pub(super) async fn client_streaming(
        &mut self,
        method: &str,
        messages: Request<impl Stream<Item = String> + Send + 'static>,
    ) -> Result<Response<String>, Status> {
        self.ready().await?;
        self.0.client_streaming(messages, path(method), Text).await
    }

    pub(super) async fn server_streaming(
        &mut self,
        method: &str,
        message: Request<String>,
    ) -> Result<Response<Streaming<String>>, Status> {
        self.ready().await?;
        self.0.server_streaming(message, path(method), Text).await
    }

    pub(super) async fn streaming(
        &mut self,
        method: &str,
        messages: Request<impl Stream<Item = String> + Send + 'static>,
    ) -> Result<Response<Streaming<String>>, Status> {
        self.ready().await?;
        self.0.streaming(messages, path(method), Text).await
    }
}

fn path(method: &str) -> http::uri::PathAndQuery {
    format!("/test.Texts/{method}").parse().expect("a path")
}
