//! The costs of secret-proxy.
//!
//! | module | is |
//! |---|---|
//! | [`hot`] | the pure work of one request, for `benches/hot_path.rs` and the instruction counts |
//! | [`subject`] | the measured processes: the proxy, the relay, and a second relay |
//! | [`relay`] | two TLS legs and nothing else: the lower bound of any proxy that intercepts TLS |
//! | [`origin`] | the HTTPS server behind them, in the process of the load |
//! | [`client`] | one connection through a proxy to the origin |
//! | [`load`] | the load of each mode |
//! | [`drive`] | rounds in rotating order |
//! | [`watch`] | one subject under one load, for a while |
//! | [`grow`] | growth with clients, requests, secrets and tunnels |
//! | [`soak`] | the same load for a long time |
//! | [`meter`] | CPU time and memory of a process |
//! | [`tally`] | counters of a measurement |
//! | [`payload`] | bodies: zeros, and events with a timestamp |
//! | [`serve`] | HTTP over TLS, for the origin and the relay |
//! | [`report`] | medians and ratios, as Markdown |
//! | [`tls`] | the certificates and settings of all ends |

pub mod client;
pub mod drive;
pub mod grow;
pub mod hot;
pub mod load;
pub mod meter;
pub mod origin;
pub mod payload;
pub mod relay;
pub mod report;
pub mod serve;
pub mod soak;
pub mod subject;
pub mod tally;
pub mod tls;
pub mod watch;

/// The error of a failed measurement.
pub type Broken = Box<dyn std::error::Error + Send + Sync>;
