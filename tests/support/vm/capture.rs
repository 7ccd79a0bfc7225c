//! A capture of all packets inside a VM stand-in.

use std::fs;
use std::path::PathBuf;

use super::WITHIN;
use crate::support::eventually::eventually;
use crate::support::process::Process;

/// All packets on the interfaces inside.
pub struct Capture {
    pub(super) tcpdump: Process,
    pub(super) file: PathBuf,
}

impl Capture {
    /// The captured bytes. They must contain all `controls`, or the capture has missed packets.
    pub fn bytes(mut self, controls: &[&str]) -> Vec<u8> {
        let caught = || {
            let bytes = fs::read(&self.file).expect("the capture");
            controls.iter().all(|control| memchr::memmem::find(&bytes, control.as_bytes()).is_some())
        };
        eventually(WITHIN, "the capture has caught what is known to have passed", caught);
        self.tcpdump.end();
        fs::read(&self.file).expect("the capture")
    }
}
