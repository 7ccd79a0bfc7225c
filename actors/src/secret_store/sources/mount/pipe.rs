//! Reading a pipe.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use tokio::time::sleep;

use super::look;
use crate::limits::{PIPE_POLL, SECRETS_BYTES_MAX};
use crate::secret_store::sources::error::ReadError;
use crate::secret_store::sources::glance::Glance;
use crate::secret_store::sources::source::{Content, OnProgress, Progress};
use crate::secret_store::sources::text::{Text, buffer, make_room};

/// The capacity of a pipe in bytes, on most systems. One read takes all of it: with smaller pieces, another reader would
/// get the same part of a long text each time, and two reads could agree on a wrong text.
const PIPE_HOLDS: usize = 64 * 1024;

/// Reads a pipe until its writers have closed it. Polls by the clock: readiness of pipes differs between systems.
pub(super) async fn read(
    path: &Path,
    mut file: File,
    glance: Glance,
    mut on_progress: OnProgress,
) -> Result<Content, ReadError> {
    let mut text = buffer(2 * PIPE_HOLDS);
    let mut seen_writer = false;
    loop {
        match read_some(&mut file, &mut text)? {
            Some(0) if !text.is_empty() => return Ok(Content { text, glance }),
            Some(0) if seen_writer => return Err(ReadError::ClosedEmpty),
            Some(0) => on_progress(Progress::Unserved),
            Some(_) if text.len() > SECRETS_BYTES_MAX => return Err(ReadError::TooLarge),
            Some(_) => continue,
            None => {
                seen_writer = true;
                on_progress(if text.is_empty() { Progress::Awaiting } else { Progress::Begun });
            }
        }
        sleep(PIPE_POLL).await;
        let (_, now) = look::at(path)?;
        if now != glance {
            return Err(if text.is_empty() { ReadError::Replaced(now) } else { ReadError::Changed });
        }
    }
}

/// The number of bytes read; `None` if a writer has the pipe open and has written nothing.
pub(super) fn read_some(file: &mut File, text: &mut Text) -> Result<Option<usize>, ReadError> {
    let held = text.len();
    let more = PIPE_HOLDS.min((SECRETS_BYTES_MAX + 1).saturating_sub(held));
    make_room(text, more);
    text.resize(held + more, 0);
    let read = file.read(text.get_mut(held..).unwrap_or_default());
    text.truncate(held + *read.as_ref().unwrap_or(&0));
    match read {
        Ok(length) => Ok(Some(length)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(error.into()),
    }
}
