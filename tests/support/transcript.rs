//! Listens to everything that clients are sent and to what programs print, for canaries.
//!
//! The bytes are searched as they come and not kept, so that a test may stream gigabytes.

use std::sync::{Arc, Mutex, MutexGuard};

use super::canary::Canary;

/// Whose words were heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// What a client was sent, or printed: an origin may have said it.
    Client,
    /// What the product itself printed, wrote or answered.
    Product,
}

/// What the clients and programs of one proxy have heard; clones share it.
#[derive(Clone, Default)]
pub struct Transcript(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    canaries: Vec<Canary>,
    finds: Vec<(Source, String)>,
}

impl Transcript {
    /// Listens for this canary from now on.
    pub fn watch(&self, canary: &Canary) {
        self.heard().canaries.push(canary.clone());
    }

    /// The canaries listened for.
    pub fn canaries(&self) -> Vec<Canary> {
        self.heard().canaries.clone()
    }

    /// Where canaries were heard.
    pub fn finds(&self) -> Vec<(Source, String)> {
        self.heard().finds.clone()
    }

    /// A recorder for one stream of bytes; `label` says where a find was made.
    pub fn recorder(&self, source: Source, label: impl Into<String>) -> Recorder {
        Recorder { transcript: self.clone(), source, label: label.into(), tail: Vec::new() }
    }

    /// Listens to bytes that are whole.
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

/// Hears one stream in pieces; a canary that is cut between two pieces is found.
pub struct Recorder {
    transcript: Transcript,
    source: Source,
    label: String,
    tail: Vec<u8>,
}

impl Recorder {
    /// Listens to the next piece.
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

    /// Listens to the fields of a head or of trailers, each for itself.
    pub fn record_fields(&mut self, fields: &http::HeaderMap) {
        for (name, value) in fields {
            self.record(format!("{name}: ").as_bytes());
            self.record(value.as_bytes());
            self.record(b"\r\n");
        }
    }
}
