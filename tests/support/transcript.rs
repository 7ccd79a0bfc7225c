//! A search for canaries in the bytes that clients receive and programs print.
//!
//! The bytes are searched at arrival and not kept, so that a test may stream gigabytes.

use std::sync::{Arc, Mutex, MutexGuard};

use super::canary::Canary;

/// The source of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Bytes that a client received or printed: they may come from an origin.
    Client,
    /// Bytes that the product itself printed, wrote or answered.
    Product,
}

/// The transcript of one proxy's clients and programs; clones share it.
#[derive(Clone, Default)]
pub struct Transcript(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    canaries: Vec<Canary>,
    finds: Vec<(Source, String)>,
}

impl Transcript {
    /// Searches for this canary from now on.
    pub fn watch(&self, canary: &Canary) {
        self.heard().canaries.push(canary.clone());
    }

    /// The canaries of the search.
    pub fn canaries(&self) -> Vec<Canary> {
        self.heard().canaries.clone()
    }

    /// The places of canaries.
    pub fn finds(&self) -> Vec<(Source, String)> {
        self.heard().finds.clone()
    }

    /// A recorder for one stream of bytes; `label` names the stream in a finding.
    pub fn recorder(&self, source: Source, label: impl Into<String>) -> Recorder {
        Recorder { transcript: self.clone(), source, label: label.into(), tail: Vec::new() }
    }

    /// Searches a whole text.
    pub fn record(&self, source: Source, label: impl Into<String>, bytes: &[u8]) {
        self.recorder(source, label).record(bytes);
    }

    /// `text` without any canary.
    pub fn mask(&self, text: &str) -> String {
        self.canaries().iter().fold(text.to_owned(), |text, canary| canary.mask(&text))
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().expect("no thread panicked with the transcript in hand")
    }
}

/// Searches one stream in pieces, and finds a canary across two pieces.
pub struct Recorder {
    transcript: Transcript,
    source: Source,
    label: String,
    tail: Vec<u8>,
}

impl Recorder {
    /// Searches the next piece.
    pub fn record(&mut self, piece: &[u8]) {
        if piece.is_empty() {
            return;
        }
        self.tail.extend_from_slice(piece);
        let mut heard = self.transcript.heard();
        let Heard { canaries, finds } = &mut *heard;
        let mut keep = 0;
        for canary in canaries.iter() {
            keep = keep.max(canary.longest_spelling());
            let Some(form) = canary.found_in(&self.tail) else {
                continue;
            };
            let find = (self.source, format!("{form} in {}", self.label));
            if !finds.contains(&find) {
                finds.push(find);
            }
        }
        let surplus = self.tail.len().saturating_sub(keep);
        self.tail.drain(..surplus);
    }

    /// Searches the fields of a head or of trailers, each separately.
    pub fn record_fields(&mut self, fields: &http::HeaderMap) {
        for (name, value) in fields {
            self.record(format!("{name}: ").as_bytes());
            self.record(value.as_bytes());
            self.record(b"\r\n");
        }
    }
}
