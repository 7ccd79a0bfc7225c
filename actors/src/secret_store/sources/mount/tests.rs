//! The safety of mounts, and the results of reads.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::limits::SECRETS_BYTES_MAX;
use crate::secret_store::sources::text::buffer;

fn file(folder: &Path, name: &str, mode: u32) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, "K=v\n").expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
    path
}

fn pipe(folder: &Path) -> PathBuf {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let path = folder.join("pipe");
    mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("made");
    path
}

#[tokio::test]
async fn what_is_not_safe_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let read = async |path: &Path| Mount::at(path).read(Box::new(|_| ())).await.map(|content| content.text.to_vec());
    let good = file(folder.path(), "good", 0o600);
    assert_eq!(read(&good).await, Ok(b"K=v\n".to_vec()));
    let link = folder.path().join("link");
    symlink(&good, &link).expect("linked");
    let open = file(folder.path(), "open", 0o644);
    for (path, expected) in [(link.as_path(), "link"), (open.as_path(), "chmod 600"), (folder.path(), "neither")] {
        let trouble = read(path).await.expect_err("unsafe");
        assert!(trouble.to_string().contains(expected), "{trouble}");
    }
    assert_eq!(read(&folder.path().join("none")).await, Err(ReadError::Missing));
}

#[test]
fn an_open_pipe_needs_a_closed_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = pipe(folder.path());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("ours");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("ours");
    look::at(&path).expect("its folder keeps others out");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
    assert!(matches!(look::at(&path), Err(ReadError::Unsafe(_))));
}

/// With pieces of the same size, each of two readers would get the same part of the text every time.
#[test]
fn what_a_pipe_holds_is_taken_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = pipe(folder.path());
    let (mut reader, ..) = open(&path).expect("safe");
    let text = vec![b'#'; 10_000];
    let mut writer = OpenOptions::new().write(true).open(&path).expect("there is a reader");
    io::Write::write_all(&mut writer, &text).expect("the pipe has room");
    let mut bytes = buffer(2);
    assert_eq!(pipe::read_some(&mut reader, &mut bytes), Ok(Some(text.len())));
    assert_eq!(pipe::read_some(&mut reader, &mut bytes), Ok(None), "a writer has it open");
    drop(writer);
    assert_eq!(pipe::read_some(&mut reader, &mut bytes), Ok(Some(0)));
    assert_eq!(*bytes, text);
}

#[test]
fn a_file_that_does_not_stand_still_is_not_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), "edited", 0o600);
    let (opened, _, before) = open(&path).expect("safe");
    fs::write(&path, "K=other\n").expect("written");
    assert_eq!(file::read(&opened, before).map(|_| ()), Err(ReadError::Changed));
}

#[tokio::test]
async fn too_large_a_file_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), "big", 0o600);
    fs::write(&path, vec![b'#'; SECRETS_BYTES_MAX + 1]).expect("written");
    assert_eq!(read(path, Box::new(|_| ())).await.map(|_| ()), Err(ReadError::TooLarge));
}
