//! Connections to servers: their verification, another proxy on the way, and what they may share.

mod old_tls;
mod proxy;
mod sharing;
mod tls;
