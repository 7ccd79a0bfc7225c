//! What the bytes of a connection cost, and the bounds on messages that cost much and carry nothing.

mod fields;
mod frames;

use std::io;

pub(crate) use self::frames::Frames;

/// What is known of a connection's protocol.
#[derive(Debug)]
pub(crate) enum Meter {
    /// Each byte costs the same.
    Bytes,
    /// HTTP/2, whose frames but DATA cost more for each byte.
    Frames(Frames),
}

impl Meter {
    /// How many bytes may be read at once with so much of the turn left; at least one.
    pub(crate) fn room(&self, left: usize) -> usize {
        match self {
            Self::Bytes => left,
            Self::Frames(frames) => frames.room(left),
        }
    }

    /// The cost of bytes that were read.
    ///
    /// # Errors
    /// A bound is passed: the connection ends.
    pub(crate) fn measure(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Bytes => Ok(bytes.len()),
            Self::Frames(frames) => frames.measure(bytes),
        }
    }

    /// Everything that has come was read.
    pub(crate) fn drained(&mut self) {
        if let Self::Frames(frames) = self {
            frames.drained();
        }
    }
}

/// The error that ends a connection which has passed a bound.
fn flood(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
