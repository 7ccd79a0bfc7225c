//! Streams and bodies, of clients and of upstreams.

pub(crate) mod activity;
pub(crate) mod backlog;
pub(crate) mod client_stream;
pub(crate) mod expect;
pub(crate) mod held_back;
pub(crate) mod holders;
pub(crate) mod interim;
pub(crate) mod meter;
pub(crate) mod place;
pub(crate) mod prefixed;
pub(crate) mod request_body;
pub(crate) mod request_target;
pub(crate) mod tls;
pub(crate) mod turn;

use tokio::io::{AsyncRead, AsyncWrite};

/// A stream that can carry HTTP.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> ByteStream for S {}
