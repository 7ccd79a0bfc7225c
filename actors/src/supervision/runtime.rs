//! The runtime that the tree lives on.

use std::io;
use std::pin::Pin;

use tokio::runtime::{Builder, Runtime};

/// What is done on a runtime.
pub type Work<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// A runtime of so many threads. One is enough for one person, and cheapest.
///
/// # Errors
/// The system gives no threads.
pub fn with_threads(count: usize) -> io::Result<Runtime> {
    let mut builder = match count {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(count).enable_all().build()
}

/// Does the work, and all that it spawns meanwhile. The loop that this is compiled to is the busiest of all: for a
/// future of any type it would be compiled in the crate of that type, which is made small and not fast.
pub fn block_on(runtime: &Runtime, work: Work<'_>) {
    runtime.block_on(work);
}
