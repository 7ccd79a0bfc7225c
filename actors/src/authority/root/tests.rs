//! A new root, and the damage that is refused.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::authority::rotation::open_or_make;

fn refused(folder: &Path) -> String {
    open_or_make(folder).map(|_| ()).expect_err("refused").to_string()
}

#[test]
fn a_new_root_has_the_modes_of_the_design_and_is_read_again() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("ca");
    let made = open_or_make(&folder).expect("made");
    let mode_of = |name| fs::metadata(folder.join(name)).expect("there").mode() & 0o777;
    assert_eq!((mode_of(KEY), mode_of(CERTIFICATE)), (0o600, 0o644));
    let read = open_or_make(&folder).expect("read again");
    assert_eq!(made.certificate().fingerprint, read.certificate().fingerprint);
    assert_eq!(fs::read_dir(parent.path()).expect("readable").count(), 1, "nothing else is left");
}

#[test]
fn damage_is_a_refusal_and_nothing_is_overwritten() {
    let parent = tempfile::tempdir().expect("a folder");
    let other = parent.path().join("other");
    open_or_make(&other).expect("made");
    for (number, (file, text, expected)) in [
        (KEY, Some("garbage".to_owned()), "not a private key"),
        (KEY, None, "missing beside its certificate"),
        (CERTIFICATE, Some("garbage".to_owned()), "not PEM"),
        (CERTIFICATE, None, "missing beside its key"),
        (CERTIFICATE, fs::read_to_string(other.join(CERTIFICATE)).ok(), "does not belong"),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = parent.path().join(format!("ca{number}"));
        open_or_make(&folder).expect("made");
        match &text {
            Some(text) => fs::write(folder.join(file), text).expect("written"),
            None => fs::remove_file(folder.join(file)).expect("removed"),
        }
        let reason = refused(&folder);
        assert!(reason.contains(expected), "{file}: {reason}");
        assert_eq!(fs::read_to_string(folder.join(file)).ok(), text);
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("ca");
    open_or_make(&folder).expect("made");
    fs::set_permissions(folder.join(KEY), fs::Permissions::from_mode(0o640)).expect("ours");
    assert!(refused(&folder).contains("read by others"));
}
