//! The interim responses to one HTTP/1.1 request.
//!
//! hyper passes over them without an end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::flood;
use crate::limits;

/// `HTTP/1.1 103`: as much of a status line as tells.
const STATUS_BYTES: usize = 12;

/// How many requests were sent on a connection: the response to the next one begins at a known place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Arc<AtomicUsize>);

impl Asked {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Counts the interim responses to each request.
#[derive(Debug)]
pub(crate) struct Interim {
    asked: Asked,
    /// The number of the request whose response is being read.
    seen: usize,
    heads: usize,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// In a status line, of which so many bytes were read.
    Status([u8; STATUS_BYTES], usize),
    /// In the head of an interim response, and whether its line is empty so far.
    Head(bool),
    /// In the final response.
    Final,
}

const START: Place = Place::Status([0; STATUS_BYTES], 0);

impl Interim {
    pub(crate) fn new(asked: Asked) -> Self {
        Self { asked, seen: 0, heads: 0, place: Place::Final }
    }

    /// Looks at what was read.
    pub(super) fn measure(&mut self, bytes: &[u8]) -> io::Result<()> {
        let asked = self.asked.0.load(Relaxed);
        if asked != self.seen {
            (self.seen, self.heads, self.place) = (asked, 0, START);
        }
        for byte in bytes {
            if matches!(self.place, Place::Final) {
                return Ok(());
            }
            self.read(*byte)?;
        }
        Ok(())
    }

    fn read(&mut self, byte: u8) -> io::Result<()> {
        match &mut self.place {
            // Servers may send empty lines before a status line.
            Place::Status(_, 0) if byte == b'\r' || byte == b'\n' => {}
            Place::Status(line, filled) => {
                if let Some(next) = line.get_mut(*filled) {
                    *next = byte;
                }
                *filled += 1;
                if *filled == STATUS_BYTES {
                    let is_interim = line.get(9) == Some(&b'1') && !line.ends_with(b"101");
                    self.place = if is_interim { Place::Head(false) } else { Place::Final };
                }
            }
            Place::Head(is_empty) if byte == b'\n' && *is_empty => {
                self.heads += 1;
                self.place = START;
                if self.heads > limits::INTERIM_MAX {
                    return Err(flood("too many interim responses"));
                }
            }
            Place::Head(is_empty) => *is_empty = byte == b'\n' || (*is_empty && byte == b'\r'),
            Place::Final => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: &[u8] = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";

    /// Whether all of it passes, cut into pieces of that size.
    fn passes(interim: &mut Interim, text: &[u8], cut: usize) -> bool {
        text.chunks(cut).all(|piece| interim.measure(piece).is_ok())
    }

    #[test]
    fn interim_responses_are_counted_for_each_request_in_any_cut() {
        let last = b"HTTP/1.1 200 OK\r\n\r\n";
        for (cut, interim) in
            [1, 2, 3, 7, 12, 13, 41, 10_000].iter().zip([&b"\n\n"[..], b"", b"HTTP/1.0 100 \n\n"].iter().cycle())
        {
            let asked = Asked::default();
            let mut meter = Interim::new(asked.clone());
            for _ in 0..3 {
                asked.add_one();
                let early = EARLY.repeat(limits::INTERIM_MAX - 1);
                assert!(passes(&mut meter, &[&early, *interim, last, &EARLY.repeat(100)].concat(), *cut), "{cut}");
            }
            asked.add_one();
            assert!(passes(&mut meter, &EARLY.repeat(limits::INTERIM_MAX), *cut), "{cut}");
            assert!(!passes(&mut meter, EARLY, *cut), "{cut}: one too many");
        }
    }

    #[test]
    fn a_switch_of_protocols_is_final() {
        let asked = Asked::default();
        let mut meter = Interim::new(asked.clone());
        asked.add_one();
        let switched = [&b"HTTP/1.1 101 Switching Protocols\r\n\r\n"[..], &EARLY.repeat(100)].concat();
        assert!(passes(&mut meter, &switched, 5));
    }
}
