//! A temporary proxy in its own folder, local HTTPS servers, and a client.
//!
//! `demo` shows what happens there, `doctor` checks it.

mod client;
mod origin;
mod proxy;

pub(crate) use self::client::Answer;
pub(crate) use self::origin::{Origin, ServerCa};
pub(crate) use self::proxy::Proxy;

/// Why the sandbox does not work.
pub(crate) type SandboxError = Box<dyn std::error::Error + Send + Sync>;
