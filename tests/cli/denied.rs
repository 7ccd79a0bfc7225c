//! Promise: what this user may not enter or read is not said to be missing, and is not made anew.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::cli::bad_input::text;
use crate::support::Proxy;
use crate::support::proxy::program;

/// Who may be kept out by a mode, as root may not: nobody.
const NOBODY: u32 = 65534;

/// A folder with a CA that no daemon runs on, and a user of it who is not root.
struct Scene {
    proxy: Proxy,
    program: OsString,
    user: Option<u32>,
}

impl Scene {
    fn new() -> Self {
        let proxy = Proxy::builder().start();
        assert!(proxy.stop().success());
        let user = rustix::process::geteuid().is_root().then_some(NOBODY);
        let home = proxy.dir().parent().expect("a folder");
        let built = program();
        // Where it was built may be root's alone.
        let program = home.join("secret-proxy");
        fs::hard_link(&built, &program).or_else(|_| fs::copy(&built, &program).map(drop)).expect("there");
        let scene = Self { program: program.into(), user, proxy };
        scene.give(scene.proxy.dir().parent().expect("a folder"));
        scene
    }

    /// To the user, with all that is in it.
    fn give(&self, path: &Path) {
        let Some(user) = self.user else { return };
        if path.as_os_str() != self.program {
            chown(path, Some(user), Some(user)).expect("ours");
        }
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            self.give(&entry.path());
        }
    }

    /// Runs a command as that user, or as this other one.
    fn run_as(&self, user: Option<u32>, words: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.env_clear().env("HOME", self.proxy.dir().with_file_name("home")).args(words);
        command.arg("--dir").arg(self.proxy.dir()).current_dir("/");
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        self.proxy.run(&mut command)
    }

    #[track_caller]
    fn assert_denied(&self, user: Option<u32>, words: &[&str], code: i32) {
        let output = self.run_as(user, words);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), told.lines().count()), (Some(code), 1), "{words:?}: {told}");
        assert!(told.contains("permission denied"), "{words:?}: {told}");
    }

    /// The detail and the fix of a link.
    fn link(&self, user: Option<u32>, name: &str) -> (String, String) {
        let report: Value = serde_json::from_slice(&self.run_as(user, &["doctor", "--json"]).stdout).expect("JSON");
        let links = report["links"].as_array().expect("a list");
        let failed: Vec<&Value> = links.iter().filter(|link| link["verdict"] == "fail").collect();
        assert!(failed.iter().all(|link| link["name"] == name || link["name"] == "daemon"), "{report}");
        let link = links.iter().find(|link| link["name"] == name).expect("there");
        let field = |field: &str| link[field].as_str().expect("text").to_owned();
        (field("detail"), field("fix"))
    }
}

fn shut(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o0)).expect("ours");
}

/// The drop check looks into it.
fn open(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o700)).expect("ours");
}

#[test]
fn a_ca_that_may_not_be_entered_is_not_said_to_be_missing() {
    let scene = Scene::new();
    let ca = scene.proxy.dir().join("ca");
    shut(&ca);
    for words in [&["ca"][..], &["ca", "export"], &["run", "--listen", "127.0.0.1:0"]] {
        scene.assert_denied(scene.user, words, 1);
    }
    let (detail, fix) = scene.link(scene.user, "ca");
    assert!(detail.contains("permission denied"), "{detail}");
    assert_eq!(fix, format!("chmod -R u+rwX {}", text(&ca)));
    open(&ca);
}

#[test]
fn a_folder_that_may_not_be_entered_is_not_said_to_have_nothing_in_it() {
    let scene = Scene::new();
    let parent = scene.proxy.dir().parent().expect("a folder").to_path_buf();
    let own = |path: &Path| (scene.user, format!("chmod 700 {}", text(path)));
    let mut table = vec![(own(scene.proxy.dir()), Some(scene.proxy.dir().to_path_buf()))];
    if scene.user.is_some() {
        // Somebody else: the program is to be reached all the same.
        fs::set_permissions(&parent, Permissions::from_mode(0o711)).expect("ours");
        table.push(((Some(NOBODY - 1), "sudo chown".to_owned()), None));
    } else {
        eprintln!("SKIPPED: only root can be another user, too");
    }
    for ((user, expected), own) in table {
        own.iter().for_each(|path| shut(path));
        for words in
            [&["status"][..], &["reload"], &["ca"], &["ca", "rotate"], &["audit"], &["why", "0123456789abcdef"]]
        {
            scene.assert_denied(user, words, 1);
        }
        scene.assert_denied(user, &["run"], 2);
        let (_, fix) = scene.link(user, "folder");
        assert!(fix.starts_with(&expected), "{fix}");
        own.iter().for_each(|path| open(path));
    }
}

#[test]
fn a_file_of_ones_own_that_may_not_be_read_needs_a_mode_and_nothing_else() {
    let scene = Scene::new();
    for (name, link) in [("secrets.env", "secrets"), ("audit.log", "audit"), ("settings.env", "settings")] {
        let path = scene.proxy.dir().join(name);
        if !path.exists() {
            fs::write(&path, "").expect("written");
            scene.give(&path);
        }
        shut(&path);
        assert_eq!(scene.link(scene.user, link).1, format!("chmod 600 {}", text(&path)));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("ours");
    }
}
