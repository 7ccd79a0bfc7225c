//! A scripted `op`, in each of the versions that there are.

use super::*;
use crate::secret_store::sources::program::tests::write;

/// An `op` that knows the command `environment read`.
const NEW: &str = r#"#!/bin/sh
case "$*" in
"environment read --help") exit 0 ;;
"environment read env-id") echo "KEY=of-$OP_SERVICE_ACCOUNT_TOKEN"; echo KEY_HOSTS=api.example ;;
*) exit 6 ;;
esac
"#;
/// One that runs programs with an Environment only.
const STABLE: &str = r#"#!/bin/sh
case "$*" in
"run --no-masking --environment env-id -- /usr/bin/env -0") shift 5; KEY="of-$OP_SERVICE_ACCOUNT_TOKEN" exec "$@" ;;
*) echo "unknown command" >&2; exit 1 ;;
esac
"#;

struct Stage {
    folder: tempfile::TempDir,
    settings: OnePasswordSettings,
}

impl Stage {
    fn new(op: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (program, token_file) = (folder.path().join("op"), folder.path().join("op-token"));
        write(&program, op, 0o700);
        write(&token_file, "ops_token\n", 0o600);
        Self { folder, settings: OnePasswordSettings { program, token_file } }
    }

    async fn read(&self) -> Result<String, ReadError> {
        let source = OnePassword::new("env-id".to_owned(), self.settings.clone(), ErrorOutput::Discarded);
        let content = source.read().await?;
        Ok(String::from_utf8_lossy(&content.text).into_owned())
    }
}

#[tokio::test]
async fn either_command_of_op_gives_the_environment() {
    let read = Stage::new(NEW).read().await;
    assert_eq!(read.as_deref(), Ok("KEY=of-ops_token\nKEY_HOSTS=api.example\n"));
    assert_eq!(Stage::new(STABLE).read().await.as_deref(), Ok("KEY=\"of-ops_token\"\n"));
}

#[tokio::test]
async fn the_token_is_for_its_owner_alone() {
    let stage = Stage::new(NEW);
    let path = stage.settings.token_file.clone();
    write(&path, "ops_token", 0o400);
    assert!(stage.read().await.is_ok());
    for (text, mode, expected) in [
        ("ops_token", 0o640, TokenFailure::Open),
        ("ops_token", 0o604, TokenFailure::Open),
        (" \n", 0o600, TokenFailure::NoToken),
        ("ops\ntoken", 0o600, TokenFailure::NoToken),
    ] {
        write(&path, text, mode);
        assert_eq!(stage.read().await, Err(ReadError::Token(expected)), "{text:?} {mode:o}");
    }
    std::fs::remove_file(&path).expect("ours");
    assert_eq!(stage.read().await, Err(ReadError::Token(TokenFailure::Missing)));
    std::os::unix::fs::symlink(stage.folder.path().join("op"), &path).expect("linked");
    assert_eq!(stage.read().await, Err(ReadError::Token(TokenFailure::NoFile)));
}

#[tokio::test]
async fn an_op_that_fails_or_is_not_there_says_so() {
    let refused = Stage::new("#!/bin/sh\n[ \"$3\" = --help ] || exit 6\n");
    assert_eq!(refused.read().await, Err(ReadError::Program(ProgramFailure::Ended(6))));
    let mut absent = Stage::new(NEW);
    absent.settings.program = "no-such-program-anywhere".into();
    let not_found = ProgramFailure::CannotRun(std::io::ErrorKind::NotFound);
    assert_eq!(absent.read().await, Err(ReadError::Program(not_found)));
}
