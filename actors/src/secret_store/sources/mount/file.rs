//! Reading a regular file.

use std::fs::File;
use std::io::Read;

use super::look;
use crate::limits::SECRETS_BYTES_MAX;
use crate::secret_store::sources::error::ReadError;
use crate::secret_store::sources::glance::Glance;
use crate::secret_store::sources::source::Content;
use crate::secret_store::sources::text::buffer;

/// Reads a whole file. The read counts only if the file did not change during it.
pub(super) fn read(file: &File, before: Glance) -> Result<Content, ReadError> {
    let length = file.metadata()?.len();
    let mut text = buffer(usize::try_from(length).unwrap_or(SECRETS_BYTES_MAX) + 1);
    file.take(SECRETS_BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    if text.len() > SECRETS_BYTES_MAX {
        return Err(ReadError::TooLarge);
    }
    let (_, glance) = look::at_metadata(&file.metadata()?)?;
    if glance == before { Ok(Content { text, glance }) } else { Err(ReadError::Changed) }
}
