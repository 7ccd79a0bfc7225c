//! Tests of the store alone: a mount in a temporary folder, and no owner behind `upstream`.

mod pieces;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use http::{HeaderMap, HeaderValue};
use policy::destination::host::Destination;
use policy::request::fields::Fields;
use policy::verdict::judge::{InjectionRequest, Permit};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::settings::OnePasswordSettings;
use super::*;
use crate::supervision::slot::slot;
use crate::upstream::Wipes;

const FILE: &str = "KEY=value-of-key\nKEY_HOSTS=api.example\n";

struct Stage {
    folder: TempDir,
    store: SecretStoreHandle,
    part: Part,
}

impl Stage {
    async fn new(prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.env");
        prepare(&path);
        let source = SourceSettings::Path(path);
        let part = Part::new(Reports::idle(source.to_string()));
        let (_, nobody) = slot("upstream");
        let arguments = Arguments {
            settings: SecretStoreSettings {
                source,
                namespaces: Vec::new(),
                one_password: OnePasswordSettings { program: "op".into(), token_file: folder.path().join("op-token") },
                namespaces_folder: folder.path().join("namespaces"),
                ttl: Duration::from_secs(300),
                approval_wait: Duration::from_secs(60),
                notify: true,
            },
            part: part.clone(),
            listed: tokio::sync::watch::Sender::default(),
            upstream: UpstreamHandle::new(nobody, Wipes::default()),
        };
        let (publisher, store) = slot("secret_store");
        let (address, _) = Actor::spawn(None, SecretStore, arguments).await.expect("started");
        publisher.publish(Some(address));
        Self { folder, store: SecretStoreHandle::new(store), part }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("secrets.env")
    }

    async fn judge(&self, host: &str) -> Result<Permit, String> {
        self.store.judge(request(host)).await.map_err(|refusal| refusal.to_string())
    }

    async fn becomes(&self, state: SecretsState) {
        let mut secrets = self.part.subscribe();
        let waited =
            tokio::time::timeout(Duration::from_secs(10), secrets.wait_for(|it| it.default.state == state)).await;
        assert!(waited.is_ok(), "not {state:?} but {:?}", self.part.report().default.state);
    }
}

fn request(host: &str) -> InjectionRequest {
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static("{{KEY}}"));
    let destination = Destination::from_connect(&format!("{host}:443")).expect("a destination");
    InjectionRequest { destination, fields: Fields::scan(&headers).expect("a placeholder") }
}

fn file(path: &Path, text: &str) {
    let fresh = path.with_extension("new");
    fs::write(&fresh, text).expect("written");
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600)).expect("ours");
    fs::rename(&fresh, path).expect("in place");
}

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("made");
}

/// Writes one text into a pipe after a reader has opened it.
fn serve(path: PathBuf, text: &'static str) -> tokio::task::JoinHandle<()> {
    tokio::task::spawn_blocking(move || fs::write(path, text).expect("a reader"))
}

#[tokio::test]
async fn a_permit_is_rendered_by_the_table_of_now() {
    let stage = Stage::new(|path| file(path, FILE)).await;
    let permit = stage.judge("api.example").await.expect("listed");
    stage.store.render(permit).await.expect("still listed");

    let permit = stage.judge("api.example").await.expect("listed");
    file(&stage.path(), "KEY=value-of-key\nKEY_HOSTS=other.example\n");
    let names_other = || stage.judge("other.example");
    while names_other().await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let refusal = stage.store.render(permit).await.map(|_| ()).expect_err("no longer listed");
    assert_eq!(refusal.to_string(), "Host 'api.example' not allowed for KEY");
}

#[tokio::test]
async fn each_state_of_the_mount_has_its_word_and_its_reason() {
    let stage = Stage::new(|_| ()).await;
    stage.becomes(SecretsState::Missing).await;
    assert_eq!(stage.judge("api.example").await.expect_err("missing"), "Secrets cannot be read: there is no such file");
    file(&stage.path(), "KEY value\n");
    stage.becomes(SecretsState::Malformed).await;
    assert!(stage.judge("api.example").await.expect_err("malformed").contains("line 1"));
    file(&stage.path(), FILE);
    stage.becomes(SecretsState::Ready).await;
    stage.judge("api.example").await.expect("listed");
    fs::remove_file(stage.path()).expect("ours");
    stage.becomes(SecretsState::Missing).await;
    stage.judge("api.example").await.expect_err("wiped");
}

#[tokio::test]
async fn a_pipe_is_not_opened_before_it_is_needed_and_then_once() {
    let stage = Stage::new(pipe).await;
    stage.becomes(SecretsState::Idle).await;
    let waiting = permitted_of(&stage, 50);
    let writer = serve(stage.path(), FILE);
    assert_eq!(waiting.await, 50);
    writer.await.expect("no panic");
    stage.judge("api.example").await.expect("held, without another read");
    assert_eq!(stage.part.report().default.kind, Some("pipe"));
}

/// The number of permits for `count` concurrent requests.
async fn permitted_of(stage: &Stage, count: usize) -> usize {
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..count {
        let store = stage.store.clone();
        waiting.spawn(async move { store.judge(request("api.example")).await.is_ok() });
    }
    waiting.join_all().await.into_iter().filter(|permitted| *permitted).count()
}

#[tokio::test]
async fn a_pipe_closed_empty_is_locked_and_not_asked_again_at_once() {
    let stage = Stage::new(pipe).await;
    let path = stage.path();
    let writer = tokio::task::spawn_blocking(move || {
        let held = fs::OpenOptions::new().write(true).open(path).expect("a reader");
        std::thread::sleep(Duration::from_millis(100));
        drop(held);
    });
    assert_eq!(stage.judge("api.example").await.expect_err("locked"), "Secrets are locked or not authorized");
    writer.await.expect("no panic");
    stage.becomes(SecretsState::Locked).await;
    let begun = Instant::now();
    stage.judge("api.example").await.expect_err("still locked");
    assert!(begun.elapsed() < Duration::from_millis(500), "refused at once");
    stage.store.reload_soon();
    let writer = serve(stage.path(), FILE);
    stage.judge("api.example").await.expect("approved");
    writer.await.expect("no panic");
}
