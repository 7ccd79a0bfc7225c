//! hyper's servers towards clients, with their limits.

use std::convert::Infallible;
use std::pin::Pin;

use http::Response;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::TokioTimer;

use crate::exchange::ResponseBody;
use crate::limits;
use crate::supervision::tasks::Tasks;

/// An answer as hyper takes it: never an error, because a failure is an answer too.
pub(super) async fn infallible<F>(answer: Pin<Box<F>>) -> Result<Response<ResponseBody>, Infallible>
where
    F: Future<Output = Response<ResponseBody>>,
{
    Ok(answer.await)
}

pub(super) fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIMEOUT)
        .max_headers(limits::HEAD_FIELDS_MAX)
        // The buffer alone would let a head pass that comes in large pieces.
        .max_header_size(limits::HEAD_BYTES_MAX)
        .max_buf_size(limits::HEAD_BYTES_MAX)
        .auto_date_header(false);
    builder
}

/// `tasks` runs the requests.
pub(super) fn http2(tasks: Tasks) -> http2::Builder<Tasks> {
    let mut builder = http2::Builder::new(tasks);
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_concurrent_streams(limits::H2_STREAMS_MAX)
        .max_header_list_size(u32::try_from(limits::HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(limits::H2_RESETS_MAX)
        .max_local_error_reset_streams(limits::H2_RESETS_MAX)
        .initial_stream_window_size(limits::H2_STREAM_WINDOW)
        .initial_connection_window_size(limits::H2_CONNECTION_WINDOW)
        .max_frame_size(limits::H2_FRAME_BYTES)
        .max_send_buf_size(limits::H2_SEND_BUFFER)
        .keep_alive_interval(limits::H2_PING_EVERY)
        .keep_alive_timeout(limits::H2_PING_TIMEOUT);
    builder
}
