//! gRPC, spoken by a library at both ends: four kinds of calls, trailers, deadlines and cancellation, with
//! the credential in the metadata.

mod client;
mod server;

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};

use self::client::Client;
use self::server::{Server, Told};
use crate::support::{Canary, Proxy};

const HOST: &str = "grpc.example.test";
const AT_ONCE: Duration = Duration::from_secs(3);
const KEY: &str = "Bearer {{API_KEY}}";

struct Stage {
    canary: Canary,
    server: Server,
    proxy: Proxy,
}

impl Stage {
    fn set() -> Self {
        let (canary, server) = (Canary::new(), Server::start(HOST));
        let proxy = Proxy::builder().origin(HOST, &server).secret("API_KEY", &canary, HOST).start();
        Self { canary, server, proxy }
    }

    async fn client(&self) -> Client {
        Client::connect(&self.proxy.client(), HOST).await
    }

    /// What the server tells next, at once.
    async fn told(&mut self) -> Told {
        timeout(AT_ONCE, self.server.told.recv()).await.expect("at once").expect("the server is there")
    }

    /// The next call came with the value.
    async fn called(&mut self) -> String {
        let Told::Called(fields) = self.told().await else { panic!("a call comes first") };
        assert_eq!(fields["authorization"], format!("Bearer {}", self.canary.value()));
        assert_eq!(
            (&fields["te"], &fields["content-type"]),
            (&"trailers".parse().unwrap(), &"application/grpc".parse().unwrap())
        );
        let timeout = fields.get("grpc-timeout").and_then(|value| value.to_str().ok());
        timeout.unwrap_or_default().to_owned()
    }
}

/// A message, or a stream of them, with the credential.
fn with_key<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", MetadataValue::from_static(KEY));
    request.metadata_mut().insert_bin("trace-bin", MetadataValue::from_bytes(b"\0\xff{{"));
    request
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_kinds_of_calls() {
    let mut stage = Stage::set();
    let mut client = stage.client().await;
    let large = "x".repeat(3 << 20);
    for text in ["hello", "", "{{API_KEY}}", &large] {
        let answer = client.unary("Echo", with_key(text.to_owned())).await.expect("answered");
        assert_eq!(answer.metadata().get_bin("trace-bin"), Some(&MetadataValue::from_bytes(b"\0\xff{{")));
        assert_eq!(answer.into_inner(), text);
        stage.called().await;
    }
    let sent = stream::iter(texts(["a", "b", "c"]));
    assert_eq!(client.client_streaming("Join", with_key(sent)).await.expect("answered").into_inner(), "abc");
    stage.called().await;
    let mut answers = client.server_streaming("Count", with_key("3".to_owned())).await.expect("begun").into_inner();
    let mut counted = Vec::new();
    while let Some(answer) = answers.next().await {
        counted.push(answer.expect("a message"));
    }
    assert_eq!(counted, texts(["0", "1", "2"]));
    let trailers = answers.trailers().await.expect("whole").expect("trailers");
    assert_eq!(trailers.get("grpc-status").map(MetadataValue::as_bytes), Some(b"0".as_slice()));
    stage.called().await;
    assert_eq!(stage.proxy.audit_lines().len(), 6, "a record for each call");
}

/// Each message is answered before the next is sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ends_talk_in_turns() {
    let mut stage = Stage::set();
    let mut client = stage.client().await;
    let (say, said) = mpsc::channel::<String>(1);
    let said = stream::unfold(said, async |mut said| said.recv().await.map(|text| (text, said)));
    let said = with_key(Box::pin(said));
    let mut answers = client.streaming("Talk", said).await.expect("begun before a word is said").into_inner();
    stage.called().await;
    for text in ["one", "two", "three"] {
        say.send(text.to_owned()).await.expect("sent");
        let answer = timeout(AT_ONCE, answers.message()).await.expect("at once").expect("a message");
        assert_eq!(answer.as_deref(), Some(text));
    }
    drop(say);
    assert_eq!(answers.message().await.expect("a proper end"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_arrive_with_their_details() {
    let mut stage = Stage::set();
    let mut client = stage.client().await;
    let status = client.unary("Fail", with_key(String::new())).await.expect_err("it fails");
    stage.called().await;
    assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, "not now: \u{1f511} 100%"));
    assert_eq!(status.details(), b"\x08\x01");
    // A refusal is no gRPC, but it is an error to the library.
    let mut stolen = Request::new(String::new());
    stolen.metadata_mut().insert("authorization", MetadataValue::from_static("Bearer {{OTHER}}"));
    assert_ne!(client.unary("Echo", stolen).await.expect_err("refused").code(), Code::Ok);
    assert!(stage.server.told.try_recv().is_err(), "and nothing arrived");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_is_the_servers_to_keep_and_its_word_arrives() {
    let mut stage = Stage::set();
    let mut client = stage.client().await;
    let mut request = with_key(String::new());
    request.set_timeout(Duration::from_millis(200));
    let status = timeout(AT_ONCE, client.unary("Hang", request)).await.expect("at once").expect_err("too late");
    assert_eq!((status.code(), status.message()), (Code::DeadlineExceeded, "too late"));
    assert_eq!(stage.called().await, "200000u", "as the client wrote it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_cancelled_is_cancelled_at_the_server_at_once() {
    let mut stage = Stage::set();
    let client = stage.client().await;
    let mut mine = client.clone();
    let waiting = tokio::spawn(async move { drop(mine.unary("Hang", with_key(String::new())).await) });
    stage.called().await;
    waiting.abort();
    assert!(matches!(stage.told().await, Told::Cancelled));
    let mut mine = client.clone();
    let answers = mine.server_streaming("Count", with_key(u64::MAX.to_string())).await.expect("begun");
    stage.called().await;
    drop(answers);
    assert!(matches!(stage.told().await, Told::Cancelled));
    // The connection lives on.
    let answer = client.clone().unary("Echo", with_key("still".to_owned())).await.expect("answered");
    assert_eq!(answer.into_inner(), "still");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_the_server_breaks_breaks_at_the_client_at_once_and_alone() {
    let mut stage = Stage::set();
    let mut client = stage.client().await;
    let mut answers = client.server_streaming("Break", with_key(String::new())).await.expect("begun").into_inner();
    stage.called().await;
    assert_eq!(answers.message().await.expect("a message").as_deref(), Some("half"));
    let broken = timeout(AT_ONCE, answers.message()).await.expect("at once");
    assert!(broken.as_ref().is_err_and(|status: &Status| status.code() != Code::Ok), "{broken:?}");
    let answer = client.unary("Echo", with_key("still".to_owned())).await.expect("answered");
    assert_eq!(answer.into_inner(), "still");
}
