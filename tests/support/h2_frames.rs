//! HTTP/2 frames as bytes, for clients that violate HTTP/2; header blocks of literals.
//!
//! The answer is split into frames. Of a header block, only the status is read.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::answer::ClientError;
use super::client::Client;
use super::tls::Sni;
use super::wire::Wire;

/// Kinds of frames (RFC 9113, section 6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// Flags of frames.
pub const NONE: u8 = 0;
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// The client's connection preface.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// `SETTINGS_HEADER_TABLE_SIZE` of 0: the peer encodes each block independently.
const NO_TABLE: (u16, u32) = (1, 0);

/// A received frame.
#[derive(Clone, Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// The end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A whole answer with this status.
    Answered(u16),
    /// The stream was reset, with this code.
    Reset(u32),
    /// The connection was ended.
    Ended,
}

/// An HTTP/2 connection to the proxy, after the preface.
pub struct Frames(Wire);

impl Frames {
    /// Opens a tunnel, sends the preface and acknowledges the peer's settings.
    pub async fn open(client: &Client, authority: &str) -> Result<Self, ClientError> {
        Self::open_with(client, authority, &[]).await
    }

    /// The same with the test's settings.
    pub async fn open_with(client: &Client, authority: &str, mine: &[(u16, u32)]) -> Result<Self, ClientError> {
        let mut wire = client.raw_tls_tunnel(authority, Sni::Host, &["h2"]).await?;
        let mine: Vec<_> = [NO_TABLE].iter().chain(mine).copied().collect();
        wire.send([PREFACE, &settings(&mine), &frame(SETTINGS, ACK, 0, [])].concat()).await?;
        Ok(Self(wire))
    }

    /// Writes frames; fails if the peer has closed.
    pub async fn send(&mut self, frames: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.send(frames).await
    }

    /// The next frame; none after the end of the connection, also by a reset.
    pub async fn next(&mut self) -> Option<Frame> {
        next(&mut self.0).await
    }

    /// Waits for the end of a stream.
    pub async fn outcome(&mut self, stream: u32) -> Outcome {
        let mut answer = None;
        while let Some(frame) = self.next().await {
            if frame.stream != stream {
                continue;
            }
            match frame.kind {
                HEADERS => answer = answer.or(status(&frame.payload)),
                RST_STREAM => return Outcome::Reset(code(&frame.payload)),
                _ => {}
            }
            if let Some(status) =
                answer.filter(|_| [DATA, HEADERS].contains(&frame.kind) && frame.flags & END_STREAM != 0)
            {
                return Outcome::Answered(status);
            }
        }
        Outcome::Ended
    }

    /// The stream below.
    pub fn into_wire(self) -> Wire {
        self.0
    }
}

/// Reads one frame.
pub async fn next(io: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<Frame> {
    let mut head = [0; 9];
    io.read_exact(&mut head).await.ok()?;
    let [high, middle, low, kind, flags, stream @ ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, high, middle, low]) as usize];
    io.read_exact(&mut payload).await.ok()?;
    Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
}

/// A frame of any content.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let length = u32::try_from(payload.len()).expect("a frame is small").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A SETTINGS frame.
pub fn settings(pairs: &[(u16, u32)]) -> Vec<u8> {
    let pair = |(key, value): &(u16, u32)| [&key.to_be_bytes()[..], &value.to_be_bytes()].concat();
    frame(SETTINGS, NONE, 0, pairs.iter().flat_map(pair).collect::<Vec<u8>>())
}

/// A `RST_STREAM` frame with CANCEL.
pub fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, NONE, stream, 8_u32.to_be_bytes())
}

/// A `WINDOW_UPDATE` frame.
pub fn window(stream: u32, more: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, NONE, stream, more.to_be_bytes())
}

/// A HEADERS frame with a whole block.
pub fn headers(flags: u8, stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream, block(fields))
}

/// The fields of a header block, as literals without a table, with order and case as given.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| literal(0x10, name, value)).collect()
}

/// One literal field; `form` 0x40 also puts it into the table.
pub fn literal(form: u8, name: &str, value: &str) -> Vec<u8> {
    [vec![form], text(name), text(value)].concat()
}

/// A string without Huffman coding (RFC 7541, section 5.2), a byte for each character up to 255.
fn text(text: &str) -> Vec<u8> {
    let bytes: Vec<u8> = text.chars().map(|it| u8::try_from(it).expect("one byte")).collect();
    [length(bytes.len()), bytes].concat()
}

/// A number in seven bits, with further bytes for a larger number (RFC 7541, section 5.1).
fn length(number: usize) -> Vec<u8> {
    let low = |number: usize| number.to_le_bytes()[0];
    let Some(mut rest) = number.checked_sub(127) else { return vec![low(number)] };
    let mut encoded = vec![127];
    while rest >= 128 {
        encoded.push(low(rest) | 128);
        rest >>= 7;
    }
    encoded.push(low(rest));
    encoded
}

/// The first number of a payload: the code of `RST_STREAM`.
fn code(payload: &[u8]) -> u32 {
    payload.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// The status in the block of an answer, which stands first.
fn status(block: &[u8]) -> Option<u16> {
    // The update of the table's size to 0.
    let block = if block.first()? & 0xe0 == 0x20 { block.get(1..)? } else { block };
    let indexed = [200, 204, 206, 304, 400, 404, 500];
    match block {
        [index @ 0x88..=0x8e, ..] => Some(indexed[usize::from(index - 0x88)]),
        // A literal with a name of the static table: any of the entries of `:status`.
        [name, length, text @ ..] if (8..=14).contains(&(name & 0x0f)) => {
            let text = text.get(..usize::from(length & 0x7f))?;
            Some(if length & 0x80 == 0 { plain_digits(text) } else { huffman_digits(text) })
        }
        _ => None,
    }
}

fn plain_digits(text: &[u8]) -> u16 {
    text.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'))
}

/// Three digits in the code of RFC 7541, appendix B: 0 to 2 have five bits, the others six.
fn huffman_digits(text: &[u8]) -> u16 {
    let mut bits = text.iter().flat_map(|byte| (0..8).rev().map(move |at| u16::from(byte >> at & 1)));
    let mut take = |count: usize| bits.by_ref().take(count).fold(0, |number, bit| number << 1 | bit);
    (0..3).fold(0, |number, _| {
        let digit = match take(5) {
            small @ 0..=2 => small,
            large => (large << 1 | take(1)) - 0b01_1001 + 3,
        };
        number * 10 + digit
    })
}
