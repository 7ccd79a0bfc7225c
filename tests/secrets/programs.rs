//! Secrets that a program prints, and those that `op` reads with a service account.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::eventually::eventually;
use crate::support::{Canary, Client, Origin, Proxy};

const HOST: &str = "api.example.test";
const URL: &str = "https://api.example.test/v1";
const WITHIN: Duration = Duration::from_secs(20);

/// A script that is written before anything else runs, so that it can be run at once.
fn script(path: &Path, lines: &str) {
    let fresh = path.with_extension("new");
    fs::write(&fresh, format!("#!/bin/sh\n{lines}\n")).expect("written");
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o700)).expect("ours");
    fs::rename(&fresh, path).expect("in place");
}

struct Stage {
    canary: Canary,
    origin: Origin,
    proxy: Proxy,
    folder: tempfile::TempDir,
}

impl Stage {
    /// A program that counts its runs, and then does this; `$KEY` holds the lines of the secret.
    fn new(then: &str) -> Self {
        let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("secrets");
        let stage = Self::lines(&canary, folder.path(), then);
        script(&program, &stage);
        let source = format!("run:{}", program.display());
        let proxy = Proxy::builder().origin(HOST, &origin).canary(&canary).env("SECRET_PROXY_SECRETS", &source).start();
        Self { canary, origin, proxy, folder }
    }

    fn lines(canary: &Canary, folder: &Path, then: &str) -> String {
        let lines = format!("KEY={}\nKEY_HOSTS={HOST}", canary.value());
        format!("echo run >> {}/runs\nKEY='{lines}'\n{then}", folder.display())
    }

    fn does(&self, then: &str) {
        script(&self.program(), &Self::lines(&self.canary, self.folder.path(), then));
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("secrets")
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.folder.path().join("runs")).map_or(0, |text| text.lines().count())
    }
}

async fn status(client: &Client) -> u16 {
    client.get(URL).header("x-api-key", "{{KEY}}").send().await.expect("the proxy answers").status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_requests_share_one_run_of_the_program() {
    let stage = Stage::new("sleep 1; echo \"$KEY\"");
    assert_eq!(stage.runs(), 0, "it runs on demand");
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let client = stage.proxy.client();
        waiting.spawn(async move { status(&client).await });
    }
    assert!(waiting.join_all().await.into_iter().all(|status| status == 200));
    assert_eq!(stage.origin.last_request().header("x-api-key"), Some(stage.canary.bytes()));
    assert_eq!(stage.runs(), 1);
    let report = stage.proxy.status();
    assert_eq!(
        (report["secrets"]["state"].as_str(), report["secrets"]["kind"].as_str()),
        (Some("ready"), Some("program"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_fails_is_a_refusal_and_not_run_in_a_loop() {
    let stage = Stage::new("echo \"$KEY\"; echo \"$KEY\" >&2; exit 3");
    let client = stage.proxy.client();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        assert_eq!(status(&client).await, 403);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!((1..=5).contains(&stage.runs()), "{} runs", stage.runs());
    let report = stage.proxy.status();
    assert_eq!(report["secrets"]["state"], "failed");
    assert_eq!(report["secrets"]["detail"], "the program ended with 3");
    let reasons: Vec<_> =
        stage.proxy.audit_lines().iter().filter_map(|it| it["reason"].as_str().map(str::to_owned)).collect();
    assert_eq!(reasons.first().map(String::as_str), Some("Secrets cannot be read: the program ended with 3"));
    // A program that was replaced is tried at once.
    stage.does("echo \"$KEY\"");
    eventually(WITHIN, "the new program is seen", || stage.proxy.status()["secrets"]["state"] == "idle");
    assert_eq!(status(&client).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_hangs_is_ended_with_its_children_and_costs_one_refusal() {
    let stage = Stage::new("trap '' TERM; sleep 600 & echo $! > \"$(dirname \"$0\")/pid\"; echo \"$KEY\"; wait");
    let begun = Instant::now();
    assert_eq!(status(&stage.proxy.client()).await, 403);
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    eventually(WITHIN, "it is ended", || stage.proxy.status()["secrets"]["state"] == "failed");
    let pid = fs::read_to_string(stage.folder.path().join("pid")).expect("written");
    let stat = format!("/proc/{}/stat", pid.trim());
    eventually(WITHIN, "its child is gone", || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z ")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_runs_the_program_once_and_shows_its_error_output() {
    let stage = Stage::new("echo 'sign in first' >&2; exit 1");
    let check = stage.proxy.cli(&["check"]);
    let err = String::from_utf8_lossy(&check.stderr).into_owned();
    assert_eq!(check.status.code(), Some(1));
    assert!(err.contains("sign in first") && err.contains("the program ended with 1"), "{err}");
    stage.does("echo \"$KEY\"");
    let check = stage.proxy.cli(&["check"]);
    let out = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success() && out.contains("KEY  api.example.test"), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn op_reads_an_environment_of_each_namespace_with_the_token() {
    let (default, work, token) = (Canary::new(), Canary::new(), Canary::new());
    let origin = Origin::start(&[HOST]);
    let folder = tempfile::tempdir().expect("a folder");
    let op = folder.path().join("op");
    let value = |id: &str, canary: &Canary| {
        format!("'environment read {id}') echo KEY={}; echo KEY_HOSTS={HOST} ;;", canary.value())
    };
    script(
        &op,
        &format!(
            "[ \"$OP_SERVICE_ACCOUNT_TOKEN\" = {} ] || [ \"$3\" = --help ] || exit 6\n[ -z \"$OP_CONNECT_HOST\" ] || exit 7\n\
             case \"$*\" in 'environment read --help') ;;\n{}\n{}\n*) exit 1 ;; esac",
            token.value(),
            value("first", &default),
            value("second", &work)
        ),
    );
    let text = format!("{}\n", token.value());
    let proxy = Proxy::builder()
        .origin(HOST, &origin)
        .canary(&default)
        .canary(&work)
        .env("SECRET_PROXY_SECRETS", "op:first")
        .env("SECRET_PROXY_NAMESPACES", "work=op:second")
        .env("SECRET_PROXY_OP", &op.display().to_string())
        .env("OP_CONNECT_HOST", "http://127.0.0.1:1")
        .prepare(move |dir| {
            fs::write(dir.join("op-token"), &text).expect("written");
            fs::set_permissions(dir.join("op-token"), fs::Permissions::from_mode(0o600)).expect("ours");
        })
        .start();
    let client = proxy.client();
    let both = client.get(URL).header("x-api-key", "{{KEY}}+{{work:KEY}}").send().await.expect("answered");
    assert_eq!(both.status, 200);
    let expected = format!("{}+{}", default.value(), work.value());
    assert_eq!(origin.last_request().header("x-api-key"), Some(expected.as_bytes()));
    let token_file = proxy.dir().join("op-token");
    fs::set_permissions(&token_file, fs::Permissions::from_mode(0o644)).expect("ours");
    let reload = proxy.cli(&["reload"]);
    assert_eq!(reload.status.code(), Some(1), "{}", String::from_utf8_lossy(&reload.stdout));
    assert_eq!(client.get(URL).header("x-api-key", "{{KEY}}").send().await.expect("answered").status, 403);
    let detail = proxy.status()["secrets"]["detail"].clone();
    assert_eq!(detail, "the token file of 1Password can be read by others: chmod 600 it");
}
