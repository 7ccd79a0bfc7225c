//! The end-to-end harness: a real `secret-proxy` process, real TLS origins on loopback, and an
//! HTTP client that can falsify every layer of a request.
//!
//! ```ignore
//! #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
//! async fn a_listed_host_gets_the_value() {
//!     let canary = Canary::new();
//!     let origin = Origin::start(&["api.example.test"]);
//!     let proxy = Proxy::builder()
//!         .origin("api.example.test", &origin)
//!         .secret("API_KEY", &canary, "api.example.test")
//!         .start();
//!
//!     let answer = proxy
//!         .client()
//!         .get("https://api.example.test/echo")
//!         .header("x-api-key", "{{API_KEY}}")
//!         .send()
//!         .await
//!         .expect("the proxy answers");
//!
//!     assert_eq!(answer.status, 200);
//!     assert_eq!(origin.last_request().header("x-api-key"), Some(canary.bytes()));
//!     assert_eq!(proxy.audit_lines()[0]["blocked"], false);
//! }
//! ```
//!
//! Dropping the `Proxy` stops the process. The test then fails if a canary is found in the folder, the
//! output of any process, the status, or the bytes that a client received, or if an owner was restarted
//! that the test did not crash. See [`drop_check`].
//!
//! `Proxy`, `Fifo` and [`eventually`] are synchronous: in an async test they block only the test's own
//! thread, while origins run on the workers. Origins and clients are async. The harness uses no fixed
//! port, no network, and no variable of the test process.

#![allow(dead_code, unused_imports, reason = "the harness is whole before every promise uses all of it")]
#![allow(unreachable_pub, reason = "a test binary exports nothing")]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a harness fails by panicking")]

pub mod answer;
pub mod audit_chain;
pub mod audit_files;
pub mod body;
pub mod builder;
pub mod bystander;
pub mod canary;
pub mod client;
pub mod connect;
pub mod crowd;
pub mod daemon;
pub mod drop_check;
pub mod eventually;
pub mod fifo;
pub mod file_opens;
pub mod footprint;
pub mod h2_frames;
pub mod listen;
pub mod load;
pub mod memory;
pub mod origin;
pub mod proc;
pub mod process;
pub mod programs;
pub mod proxy;
pub mod raw_origin;
pub mod record;
pub mod record_watch;
pub mod reports;
pub mod request;
pub mod responses;
pub mod routes;
pub mod routes_matrix;
pub mod scripted_origin;
pub mod strict_origin;
pub mod tee;
pub mod terminal;
pub mod tiny_disk;
pub mod tls;
pub mod transcript;
pub mod tunnel;
pub mod vm;
pub mod wire;

pub use answer::{Answer, ClientError, Streaming};
pub use body::BodySender;
pub use builder::ProxyBuilder;
pub use bystander::Bystander;
pub use canary::Canary;
pub use client::Client;
pub use eventually::{eventually, eventually_async};
pub use fifo::{Fifo, Step};
pub use file_opens::FileOpens;
pub use footprint::Footprint;
pub use load::Load;
pub use origin::{Origin, OriginBuilder, PlainOrigin};
pub use proxy::Proxy;
pub use raw_origin::{RawOrigin, Silent};
pub use record::Recorded;
pub use request::Request;
pub use scripted_origin::ScriptedOrigin;
pub use tunnel::Tunnel;
pub use vm::Vm;
pub use wire::Wire;
