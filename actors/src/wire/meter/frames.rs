//! The frames of one direction of an HTTP/2 connection.
//!
//! A byte of DATA costs a copy. The other frames cost more for each byte: a field of one byte takes some hundred when it
//! is decoded, and a frame that means nothing is parsed like any other.

use std::io;
use std::sync::Arc;

use super::fields::FieldCount;
use super::flood;
use crate::limits;
use crate::wire::activity::Activity;

/// RFC 9113, section 4.1.
const HEAD_BYTES: usize = 9;
/// `PRI * HTTP/2.0`, which comes before the frames of a client.
const PREFACE_BYTES: usize = 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Streams whose responses are counted, more than are ever open; the oldest are forgotten.
const RESPONSES_MAX: usize = 2 * limits::STREAMS_PER_UPSTREAM_MAX;

/// Bytes that are read at once where frames begin: their cost is known when they have been read.
const FRAMES_READ_MAX: usize = 512;

/// The frames as they are read, in whatever pieces.
#[derive(Debug)]
pub(crate) struct Frames {
    peer: Peer,
    preface: usize,
    head: [u8; HEAD_BYTES],
    filled: usize,
    kind: u8,
    /// Bytes of the payload that are still to come.
    payload: usize,
    block: Block,
    /// Requests that began in the last read.
    requests: usize,
}

#[derive(Debug)]
enum Peer {
    Client(Client),
    /// The heads of each response that goes on, by stream.
    Server(Vec<(u32, usize)>),
}

/// What is counted of a client.
#[derive(Debug)]
struct Client {
    /// Its heads beyond the limit are counted with its connection's other activity.
    activity: Arc<Activity>,
    /// The first request since everything was read. The library counts only what it reads in one turn.
    first: Option<u32>,
    /// How many of these were reset.
    resets: usize,
}

/// The header block that is being read.
#[derive(Debug, Default)]
struct Block {
    /// Set while fields are counted.
    count: Option<FieldCount>,
    ends: bool,
    /// Whether the next byte is the length of the padding.
    padded: bool,
    /// Bytes before the fields.
    before: usize,
    /// Bytes after them.
    padding: usize,
}

impl Frames {
    /// The frames of a client.
    pub(crate) fn of_client(activity: Arc<Activity>) -> Self {
        Self::new(Peer::Client(Client { activity, first: None, resets: 0 }), PREFACE_BYTES)
    }

    /// The frames of a server.
    pub(crate) fn of_server() -> Self {
        Self::new(Peer::Server(Vec::new()), 0)
    }

    fn new(peer: Peer, preface: usize) -> Self {
        let (head, block) = ([0; HEAD_BYTES], Block::default());
        Self { peer, preface, head, filled: 0, kind: DATA, payload: 0, block, requests: 0 }
    }

    /// How many bytes can be read, at a cost of `left` if they begin no request; at least one.
    pub(super) fn room(&self, left: usize) -> usize {
        let data = if self.kind == DATA { self.payload.min(left) } else { 0 };
        let others = (left - data) / limits::H2_FRAME_COST;
        (data + others.min(FRAMES_READ_MAX)).max(1)
    }

    /// Everything that has come was read.
    pub(super) fn drained(&mut self) {
        if let Peer::Client(client) = &mut self.peer {
            (client.first, client.resets) = (None, 0);
        }
    }

    /// The cost of these bytes.
    pub(super) fn measure(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
        let mut cost: usize = 0;
        self.requests = 0;
        while !bytes.is_empty() {
            let (read, each) = self.read(bytes)?;
            cost = cost.saturating_add(read.saturating_mul(each));
            bytes = bytes.get(read..).unwrap_or_default();
        }
        Ok(cost.saturating_add(self.requests.saturating_mul(limits::H2_REQUEST_COST)))
    }

    /// Reads up to the end of what goes on: how many bytes that were, and what each of them costs.
    fn read(&mut self, bytes: &[u8]) -> io::Result<(usize, usize)> {
        if self.payload > 0 {
            let read = self.payload.min(bytes.len());
            self.read_payload(bytes.get(..read).unwrap_or_default());
            return Ok((read, if self.kind == DATA { 1 } else { limits::H2_FRAME_COST }));
        }
        if self.preface > 0 {
            let read = self.preface.min(bytes.len());
            self.preface -= read;
            return Ok((read, limits::H2_FRAME_COST));
        }
        let read = (HEAD_BYTES - self.filled).min(bytes.len());
        if let Some((head, bytes)) = self.head.get_mut(self.filled..self.filled + read).zip(bytes.get(..read)) {
            head.copy_from_slice(bytes);
        }
        self.filled += read;
        if self.filled == HEAD_BYTES {
            self.filled = 0;
            self.begin_frame()?;
            let begins_request = self.kind == HEADERS && matches!(self.peer, Peer::Client(_));
            self.requests += usize::from(begins_request);
        }
        Ok((read, limits::H2_FRAME_COST))
    }

    fn begin_frame(&mut self) -> io::Result<()> {
        let [a, b, c, kind, flags, stream @ ..] = self.head;
        let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
        self.kind = kind;
        self.payload = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        match &mut self.peer {
            Peer::Client(client) => client.note(kind, stream)?,
            Peer::Server(responses) => note_response(responses, kind, flags, stream)?,
        }
        match kind {
            HEADERS => self.block = Block::begin(flags, self.payload),
            CONTINUATION => self.block.ends = flags & END_HEADERS != 0,
            _ => {}
        }
        if self.payload == 0 {
            self.end_payload();
        }
        Ok(())
    }

    fn read_payload(&mut self, bytes: &[u8]) {
        if self.kind == HEADERS || self.kind == CONTINUATION {
            self.block.read(bytes, self.payload);
        }
        self.payload -= bytes.len();
        if self.payload == 0 {
            self.end_payload();
        }
    }

    fn end_payload(&mut self) {
        if self.kind != HEADERS && self.kind != CONTINUATION {
            return;
        }
        (self.block.padding, self.block.before) = (0, 0);
        if self.block.ends
            && let Some(count) = self.block.count.take()
            && let Peer::Client(client) = &self.peer
            && count.fields() > limits::H2_FIELDS_COUNTED
        {
            client.activity.note_oversized_head();
        }
    }
}

impl Client {
    fn note(&mut self, kind: u8, stream: u32) -> io::Result<()> {
        match kind {
            HEADERS if self.activity.oversized_heads() >= limits::OVERSIZED_HEADS_MAX => {
                return Err(flood("too many heads beyond the limit"));
            }
            HEADERS => {
                self.first.get_or_insert(stream);
            }
            RST_STREAM if self.first.is_some_and(|first| stream >= first) => {
                self.resets += 1;
                if self.resets > limits::H2_RESETS_MAX {
                    return Err(flood("too many requests are reset at once"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Block {
    /// Fields are counted only if the block is long enough to have too many.
    fn begin(flags: u8, length: usize) -> Self {
        let ends = flags & END_HEADERS != 0;
        let padded = flags & PADDED != 0;
        let before = if flags & PRIORITY != 0 { 5 } else { 0 };
        let counts = !ends || length > limits::H2_FIELDS_COUNTED;
        Self { count: counts.then(FieldCount::default), ends, padded, before, padding: 0 }
    }

    /// Reads a piece of a payload of which `left` bytes are still to come, these included.
    fn read(&mut self, mut bytes: &[u8], mut left: usize) {
        let Some(count) = &mut self.count else { return };
        if self.padded
            && let Some((padding, rest)) = bytes.split_first()
        {
            (self.padded, self.padding) = (false, usize::from(*padding));
            (bytes, left) = (rest, left - 1);
        }
        let skipped = self.before.min(bytes.len());
        self.before -= skipped;
        let fields = left.saturating_sub(skipped).saturating_sub(self.padding);
        let bytes = bytes.get(skipped..).unwrap_or_default();
        count.read(bytes.get(..fields).unwrap_or(bytes));
    }
}

/// Counts the heads of a response that goes on: all but the last are interim.
fn note_response(responses: &mut Vec<(u32, usize)>, kind: u8, flags: u8, stream: u32) -> io::Result<()> {
    let known = responses.iter().position(|(known, _)| *known == stream);
    let ends = kind == RST_STREAM || (matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0);
    match known.and_then(|index| responses.get_mut(index)) {
        Some(_) if ends => responses.retain(|(known, _)| *known != stream),
        Some((_, heads)) if kind == HEADERS => {
            *heads += 1;
            if *heads > limits::H2_INTERIMS_MAX + 1 {
                return Err(flood("too many interim responses"));
            }
        }
        None if kind == HEADERS && !ends => {
            if responses.len() == RESPONSES_MAX {
                responses.remove(0);
            }
            responses.push((stream, 1));
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
