//! Connections to servers: their addresses, their verification, another proxy on the way, and what they may share.

mod addresses;
mod identity;
mod old_tls;
mod proxy;
mod sharing;
mod streams;
mod tls;
