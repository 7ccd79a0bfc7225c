//! A gRPC server that tells what becomes of its calls.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use http::HeaderMap;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::mpsc;
use tonic::body::Body;
use tonic::server::{ClientStreamingService, Grpc, ServerStreamingService, StreamingService, UnaryService};
use tonic::{Code, Request, Response, Status, Streaming};

use super::client::Text;
use crate::support::body::streamed;
use crate::support::listen::{Accepted, Listening};
use crate::support::origin::{ANY_PORT, Upstream};
use crate::support::record::Records;
use crate::support::tls::TestCa;

type Answer<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send>>;
type Texts = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;

/// What the server has to tell.
#[derive(Debug)]
pub(super) enum Told {
    /// A call has come, with these fields.
    Called(HeaderMap),
    /// A call was given up before it was answered to its end.
    Cancelled,
}

/// The server, over TLS and HTTP/2 alone.
pub(super) struct Server {
    listening: Listening,
    ca_pem: String,
    pub(super) told: mpsc::Receiver<Told>,
}

impl Server {
    pub(super) fn start(host: &str) -> Self {
        let ca = TestCa::new();
        let tls = ca.server(&[host.to_owned()], &["h2"], rustls::ALL_VERSIONS);
        let (tell, told) = mpsc::channel(64);
        let serve = move |accepted| serve(accepted, tell.clone());
        let listening = Listening::start(ANY_PORT, Some(tls), &Records::default(), serve);
        Self { listening, ca_pem: ca.pem(), told }
    }
}

impl Upstream for Server {
    fn address(&self) -> SocketAddr {
        self.listening.address
    }

    fn ca_pem(&self) -> Option<&str> {
        Some(&self.ca_pem)
    }
}

async fn serve(accepted: Accepted, tell: mpsc::Sender<Told>) {
    let service = service_fn(move |request| answer(request, tell.clone()));
    let mut builder = http2::Builder::new(TokioExecutor::new());
    let builder = builder.timer(TokioTimer::new());
    let _ = builder.serve_connection(TokioIo::new(accepted.stream), service).await;
}

async fn answer(
    request: http::Request<Incoming>,
    tell: mpsc::Sender<Told>,
) -> Result<http::Response<Body>, Infallible> {
    let _ = tell.send(Told::Called(request.headers().clone())).await;
    let mut grpc = Grpc::new(Text);
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    Ok(match method.as_str() {
        "Join" => grpc.client_streaming(Join, request).await,
        "Count" => grpc.server_streaming(Count(tell), request).await,
        "Talk" => grpc.streaming(Talk, request).await,
        "Break" => half(),
        _ => grpc.unary(One { method, tell }, request).await,
    })
}

/// One message for one message, or none at all.
struct One {
    method: String,
    tell: mpsc::Sender<Told>,
}

impl UnaryService<String> for One {
    type Response = String;
    type Future = Answer<String>;

    fn call(&mut self, request: Request<String>) -> Answer<String> {
        let (method, tell) = (self.method.clone(), self.tell.clone());
        Box::pin(async move {
            match method.as_str() {
                "Hang" => hang(deadline(&request), tell).await,
                "Fail" => Err(Status::with_details(
                    Code::FailedPrecondition,
                    "not now: \u{1f511} 100%",
                    b"\x08\x01".as_slice().into(),
                )),
                _ => {
                    let trace = request.metadata().get_bin("trace-bin").cloned();
                    let mut answer = Response::new(request.into_inner());
                    trace.into_iter().for_each(|trace| drop(answer.metadata_mut().insert_bin("trace-bin", trace)));
                    Ok(answer)
                }
            }
        })
    }
}

/// How long the client wants to wait, in microseconds, as its library writes it.
fn deadline(request: &Request<String>) -> Option<Duration> {
    let micros = request.metadata().get("grpc-timeout")?.to_str().ok()?.strip_suffix('u')?.parse().ok()?;
    Some(Duration::from_micros(micros))
}

async fn hang(deadline: Option<Duration>, tell: mpsc::Sender<Told>) -> Result<Response<String>, Status> {
    let Some(deadline) = deadline else {
        let _told = TellCancelled(tell);
        return std::future::pending().await;
    };
    tokio::time::sleep(deadline).await;
    Err(Status::deadline_exceeded("too late"))
}

/// Tells that a call was given up, by being dropped with it.
struct TellCancelled(mpsc::Sender<Told>);

impl Drop for TellCancelled {
    fn drop(&mut self) {
        let _ = self.0.try_send(Told::Cancelled);
    }
}

/// All messages in one.
struct Join;

impl ClientStreamingService<String> for Join {
    type Response = String;
    type Future = Answer<String>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Answer<String> {
        Box::pin(async move {
            let (mut messages, mut joined) = (request.into_inner(), String::new());
            while let Some(message) = messages.message().await? {
                joined += &message;
            }
            Ok(Response::new(joined))
        })
    }
}

/// As many messages as it is told, a moment apart.
struct Count(mpsc::Sender<Told>);

impl ServerStreamingService<String> for Count {
    type Response = String;
    type ResponseStream = Texts;
    type Future = Answer<Texts>;

    fn call(&mut self, request: Request<String>) -> Answer<Texts> {
        let (count, tell) = (request.into_inner().parse::<u64>().unwrap_or_default(), self.0.clone());
        Box::pin(async move {
            let told = (count == u64::MAX).then(|| TellCancelled(tell));
            let numbers = stream::iter(0..count).then(move |number| {
                let _held = &told;
                async move {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    Ok(number.to_string())
                }
            });
            Ok(Response::new(Box::pin(numbers) as Texts))
        })
    }
}

/// Each message comes back.
struct Talk;

impl StreamingService<String> for Talk {
    type Response = String;
    type ResponseStream = Texts;
    type Future = Answer<Texts>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Answer<Texts> {
        Box::pin(async move { Ok(Response::new(Box::pin(request.into_inner()) as Texts)) })
    }
}

/// One message, and then the stream is reset.
fn half() -> http::Response<Body> {
    let (sender, body) = streamed();
    tokio::spawn(async move {
        sender.send(b"\0\0\0\0\x04half".as_slice()).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        sender.abort().await;
    });
    let response = http::Response::builder().header("content-type", "application/grpc");
    response.body(Body::new(body)).expect("a response")
}
