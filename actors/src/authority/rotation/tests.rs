//! A rotation that is killed after each of its steps, and one that is not.

use std::os::unix::fs::MetadataExt;

use super::*;
use crate::hint::{Advise, Hint};

/// A folder with a root in it.
struct Place {
    parent: tempfile::TempDir,
    folder: PathBuf,
}

impl Place {
    fn new() -> Self {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("ca");
        open_or_make(&folder).expect("made");
        Self { parent, folder }
    }

    /// With a next root beside it; the fingerprints of both.
    fn rotating() -> (Self, String, String) {
        let place = Self::new();
        take(&place.folder, Step::Begin).expect("made");
        let (old, new) = (place.in_use(), place.next().expect("there"));
        (place, old, new)
    }

    fn in_use(&self) -> String {
        open_or_make(&self.folder).expect("whole").certificate().fingerprint.clone()
    }

    fn next(&self) -> Option<String> {
        next(&self.folder).map(|next| next.fingerprint)
    }

    /// What stands beside the folder of the root in use.
    fn others(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.parent.path()).expect("readable").flatten().map(|entry| entry.path());
        entries.filter(|path| *path != self.folder).collect()
    }

    /// One root is in use, and of the other nothing is left but its certificate.
    #[track_caller]
    fn assert_replaced(&self, old: &str, new: &str) {
        assert_eq!(self.in_use(), new);
        let [replaced] = self.others().try_into().expect("one folder is left");
        assert_eq!(RootCertificate::read(&replaced).expect("kept").fingerprint, old);
        assert!(!replaced.join(KEY).exists(), "its key is deleted");
    }
}

#[test]
fn a_next_root_is_another_one_and_is_made_once() {
    let (place, old, new) = Place::rotating();
    assert_ne!(old, new);
    take(&place.folder, Step::Begin).expect("there already");
    assert_eq!((place.in_use(), place.next()), (old, Some(new)));
    let mode = |name| fs::metadata(next_of(&place.folder).join(name)).expect("there").mode() & 0o777;
    assert_eq!((mode(KEY), mode(CERTIFICATE)), (0o600, 0o644));
}

#[test]
fn finishing_uses_the_next_root_and_deletes_the_old_key() {
    let (place, old, new) = Place::rotating();
    for _ in 0..2 {
        take(&place.folder, Step::Finish).expect("finished");
        place.assert_replaced(&old, &new);
    }
    take(&place.folder, Step::Begin).expect("a further one");
    take(&place.folder, Step::Finish).expect("finished");
    assert_eq!(place.others().len(), 2, "each that was replaced is kept apart");
}

#[test]
fn whoever_is_killed_while_making_one_leaves_nothing() {
    let place = Place::new();
    let unfinished = place.parent.path().join(".ca-Xy12Za");
    fs::create_dir(&unfinished).expect("made");
    fs::write(unfinished.join(KEY), "a key").expect("written");
    take(&place.folder, Step::Begin).expect("made");
    assert_eq!(place.others(), [next_of(&place.folder)]);
}

#[test]
fn whoever_is_killed_between_the_two_renames_has_finished_at_the_next_start() {
    let (place, old, new) = Place::rotating();
    fs::rename(&place.folder, aside(&place.folder)).expect("moved");
    place.assert_replaced(&old, &new);
}

#[test]
fn whoever_is_killed_before_the_key_is_deleted_deletes_it_at_the_next_start() {
    let (place, old, new) = Place::rotating();
    fs::rename(&place.folder, aside(&place.folder)).expect("moved");
    fs::rename(next_of(&place.folder), &place.folder).expect("moved");
    place.assert_replaced(&old, &new);
}

#[test]
fn a_next_root_that_is_not_whole_is_never_used() {
    for (name, text) in [(KEY, "garbage"), (KEY, ""), (CERTIFICATE, "garbage")] {
        let (place, old, _) = Place::rotating();
        fs::write(next_of(&place.folder).join(name), text).expect("written");
        for step in [Step::Begin, Step::Finish] {
            let error = take(&place.folder, step).expect_err("refused");
            assert!(error.to_string().contains("ca-next"), "{error}");
            assert_eq!(error.hints().last(), Some(&Hint::run("ca rotate")));
        }
        assert_eq!(place.in_use(), old, "the one in use is not concerned");
        fs::rename(&place.folder, place.parent.path().join("elsewhere")).expect("moved");
        assert!(open_or_make(&place.folder).is_err(), "and no third one is made in its place");
    }
}

#[test]
fn another_roots_key_beside_it_is_noticed() {
    let (place, old, _) = Place::rotating();
    fs::copy(place.folder.join(KEY), next_of(&place.folder).join(KEY)).expect("copied");
    let told = take(&place.folder, Step::Finish).expect_err("refused").to_string();
    assert!(told.contains("does not belong to the certificate"), "{told}");
    assert_eq!(place.in_use(), old);
}

#[test]
fn a_root_that_is_damaged_or_exposed_can_be_replaced() {
    for (mode, text) in [(0o600, "garbage"), (0o644, "")] {
        let (place, _, new) = Place::rotating();
        let key = place.folder.join(KEY);
        if !text.is_empty() {
            fs::write(place.folder.join(CERTIFICATE), text).expect("written");
        }
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("ours");
        assert!(Root::open(&place.folder).is_err());
        take(&place.folder, Step::Finish).expect("finished");
        assert_eq!(place.in_use(), new);
    }
}
