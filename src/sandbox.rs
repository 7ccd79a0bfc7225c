//! A throw-away stage: a real proxy in a folder of its own, HTTPS servers on this machine, and a client.
//! `demo` shows what happens on it, `doctor` looks whether it does.

mod client;
mod origin;
mod proxy;

pub(crate) use self::client::Answer;
pub(crate) use self::origin::{Origin, ServerCa};
pub(crate) use self::proxy::Proxy;

/// Something that is needed did not work, or did not happen.
pub(crate) type Broken = Box<dyn std::error::Error + Send + Sync>;
