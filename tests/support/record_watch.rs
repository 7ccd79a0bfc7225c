//! The promise "no record, no request", as an allowed origin observes it.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use super::audit_files::AuditFiles;
use super::canary::Canary;
use super::origin::Origin;
use super::record::Recorded;

/// Checks, at the receipt of each value, whether the record is in the file already.
#[derive(Clone, Default)]
pub struct RecordWatch(Arc<Watched>);

#[derive(Default)]
struct Watched {
    written: OnceLock<Mutex<AuditFiles>>,
    arrived: Mutex<Vec<String>>,
    received: Mutex<Vec<String>>,
    wrong: Mutex<Vec<String>>,
}

impl RecordWatch {
    /// An origin that checks.
    pub fn origin(&self, host: &str, canary: &Canary) -> Origin {
        let (watch, canary) = (self.clone(), canary.clone());
        Origin::builder(&[host]).on_request(move |request| watch.see(request, &canary)).start()
    }

    /// The folder of the audit files.
    pub fn look_in(&self, dir: &Path) {
        let written = Mutex::new(AuditFiles::new(dir));
        assert!(self.0.written.set(written).is_ok(), "one folder a watch");
    }

    /// The paths of all requests with a value, in order of receipt.
    pub fn arrived(&self) -> Vec<String> {
        self.0.arrived.lock().expect("no panic").clone()
    }

    /// The paths of all requests.
    pub fn received(&self) -> Vec<String> {
        self.0.received.lock().expect("no panic").clone()
    }

    /// The violations of the promise.
    pub fn wrong(&self) -> Vec<String> {
        self.0.wrong.lock().expect("no panic").clone()
    }

    fn see(&self, request: &Recorded, canary: &Canary) {
        self.0.received.lock().expect("no panic").push(request.path.clone());
        let Some(key) = request.header("x-api-key").filter(|key| canary.found_in(key).is_some()) else { return };
        self.0.arrived.lock().expect("no panic").push(request.path.clone());
        let is_recorded = self.0.written.get().is_some_and(|it| it.lock().expect("no panic").permits(&request.path));
        let is_whole = key == canary.bytes();
        if !is_recorded || !is_whole {
            let wrong = format!("{}: recorded: {is_recorded}, the whole value: {is_whole}", request.path);
            self.0.wrong.lock().expect("no panic").push(wrong);
        }
    }
}
