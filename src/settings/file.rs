//! Reading `settings.env`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// Its names and values in order, or what is wrong with it; none if there is no file.
///
/// dotenvy expands `$HOME` and other variables, which is wanted here. Its errors hold raw lines and are not shown.
pub(super) fn lines(path: &Path) -> Result<Vec<(String, String)>, String> {
    let text = text(path)?;
    dotenvy::from_read_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| format!("line {} is not NAME=value, as in SECRET_PROXY_SECRETS_TTL=60s", first_bad_line(&text)))
}

/// The first line up to which the text does not parse, which dotenvy does not report.
fn first_bad_line(text: &str) -> usize {
    let ends = text.split_inclusive('\n').scan(0, |end, line| {
        *end += line.len();
        Some(*end)
    });
    let bad = |end: &usize| {
        text.get(..*end).is_some_and(|head| dotenvy::from_read_iter(head.as_bytes()).any(|it| it.is_err()))
    };
    ends.collect::<Vec<_>>().iter().position(bad).map_or(1, |at| at + 1)
}

/// The whole text. A link is followed, since home-manager and others make one. A pipe is not waited for, since
/// nobody may ever write into it.
fn text(path: &Path) -> Result<String, String> {
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or_default();
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        // Opening the folder reports what is wrong with the folder itself.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(String::new());
        }
        Err(error) => return Err(unreadable(error.kind())),
    };
    if !file.metadata().map_err(|error| unreadable(error.kind()))?.is_file() {
        return Err("it is not a regular file: move it away".to_owned());
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| unreadable(error.kind()))?;
    Ok(text)
}

fn unreadable(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::PermissionDenied => {
            "permission denied: check its owner and mode, and those of its folder".to_owned()
        }
        ErrorKind::InvalidData => "it is not text: write NAME=value lines".to_owned(),
        kind => format!("it cannot be read ({kind}): move it away"),
    }
}
