//! `install`: what is printed is what is written; twice is as good as once; a change is a restart.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::account::{Account, LINUX, MACOS, PLATFORMS};

/// A tunnel into a Lima VM, and one by ssh.
fn ssh_config(account: &Account) -> String {
    let path = account.path("my ssh & co");
    fs::write(&path, "Host build-vm\n").expect("written");
    path.display().to_string()
}

/// The files that `--print` shows, by their paths.
fn printed(shown: &str) -> Vec<(String, String)> {
    let parts = shown.split("==> ").skip(1).map(|part| part.split_once(" <==\n").expect("a heading"));
    parts.map(|(path, text)| (path.to_owned(), format!("{}\n", text.trim_end()))).collect()
}

fn golden(platform: &str) -> &'static str {
    if platform == MACOS { include_str!("golden/macos.txt") } else { include_str!("golden/linux.txt") }
}

#[test]
fn print_shows_what_would_be_written_and_does_nothing() {
    for platform in PLATFORMS {
        let account = Account::on(platform);
        let config = ssh_config(&account);
        let before = account.everything();
        let mut shown = account.runs(&["install", "work", "my-vm.2", "--sockets", "--print"]);
        shown += &account.runs(&["install", "build", "--ssh-config", &config, "--host", "build-vm", "--print"]);
        assert_eq!(shown, golden(platform), "{platform}:\n{shown}");
        assert_eq!((account.everything(), account.orders()), (before, vec![]), "nothing was done");
    }
}

#[test]
fn what_is_written_is_what_was_printed() {
    for platform in PLATFORMS {
        let account = Account::on(platform);
        let files = printed(&account.runs(&["install", "work", "--sockets", "--print"]));
        account.runs(&["install", "work", "--sockets"]);
        for (path, text) in &files {
            let path = account.path(path.trim_start_matches("HOME/"));
            assert_eq!(&account.plain(&fs::read(&path).expect("written")), text, "{}", path.display());
        }
        assert_eq!(files.len(), if platform == MACOS { 2 } else { 3 });
        let mode = fs::metadata(account.path(".config/secret-proxy")).expect("made").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}

#[test]
fn systemd_finds_nothing_wrong_with_what_is_printed() {
    let account = Account::on(LINUX);
    let config = ssh_config(&account);
    let mut shown = account.runs(&["install", "work", "--sockets", "--print"]);
    shown += &account.runs(&["install", "build", "--ssh-config", &config, "--host", "build-vm", "--print"]);
    let folder = TempDir::new().expect("a folder");
    for (path, text) in printed(&shown) {
        let name = path.split_once("systemd/user/").expect("a unit").1;
        fs::create_dir_all(folder.path().join(name).parent().expect("a folder")).expect("made");
        let text = text.replace("HOME/", &format!("{}/", account.path("").display()).replace("//", "/"));
        fs::write(folder.path().join(name), text).expect("written");
    }
    let units = ["secret-proxy.service", "secret-proxy.socket", "secret-proxy-tunnel@build.service"];
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--user", "--man=no"]).args(units.map(|unit| folder.path().join(unit)));
    let Ok(output) = command.env("XDG_RUNTIME_DIR", folder.path()).env("HOME", folder.path()).output() else {
        return eprintln!("SKIPPED: systemd-analyze is not installed");
    };
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn a_mac_loads_the_agents_and_a_second_run_changes_nothing() {
    let account = Account::on(MACOS);
    let shown = account.runs(&["install", "work"]);
    assert!(shown.contains("made       HOME/.config/secret-proxy (mode 0700)\n"), "{shown}");
    assert!(shown.contains("started    local.secret-proxy-tunnel.work\n"), "{shown}");
    let start = |label: &str| {
        let plist = format!("HOME/Library/LaunchAgents/{label}.plist");
        [format!("launchctl enable gui/UID/{label}"), format!("launchctl bootstrap gui/UID {plist}")]
    };
    let expected = [start("local.secret-proxy"), start("local.secret-proxy-tunnel.work")].concat();
    assert_eq!(account.orders(), expected);
    assert_second_run_changes_nothing(&account);
}

#[test]
fn linux_enables_the_units_and_a_second_run_changes_nothing() {
    let account = Account::on(LINUX);
    account.runs(&["install", "work"]);
    let orders =
        ["daemon-reload", "enable --now secret-proxy.service", "enable --now secret-proxy-tunnel@work.service"];
    assert_eq!(account.orders(), orders.map(|order| format!("systemctl --user {order}")));
    assert_second_run_changes_nothing(&account);
}

fn assert_second_run_changes_nothing(account: &Account) {
    let (before, inode) = (account.everything(), inode(&account.proxy_file()));
    let shown = account.runs(&["install", "work"]);
    assert!(shown.ends_with("everything is installed already, and nothing was changed\n"), "{shown}");
    assert_eq!((account.everything(), account.orders()), (before, vec![]));
    assert_eq!(self::inode(&account.proxy_file()), inode);
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).expect("it is there").ino()
}

#[test]
fn a_changed_file_is_replaced_whole_and_only_its_job_starts_again() {
    let restarts = [
        (
            MACOS,
            vec![
                "launchctl bootout gui/UID/local.secret-proxy",
                "launchctl enable gui/UID/local.secret-proxy",
                "launchctl bootstrap gui/UID HOME/Library/LaunchAgents/local.secret-proxy.plist",
            ],
        ),
        (
            LINUX,
            vec![
                "systemctl --user daemon-reload",
                "systemctl --user enable secret-proxy.service",
                "systemctl --user restart secret-proxy.service",
            ],
        ),
    ];
    for (platform, expected) in restarts {
        let account = Account::on(platform);
        account.runs(&["install", "work"]);
        account.orders();
        let (path, good) = (account.proxy_file(), fs::read_to_string(account.proxy_file()).expect("written"));
        fs::write(&path, good.replace("--dir=", "--DIR=")).expect("written");
        let changed = inode(&path);
        account.runs(&["install", "work"]);
        assert_eq!(account.orders(), expected);
        assert_eq!(fs::read_to_string(&path).expect("there"), good);
        assert_ne!(inode(&path), changed, "it was replaced, not written into");
        let others = fs::read_dir(account.folder()).expect("a folder").flatten();
        let left = others.filter(|entry| entry.file_name().to_string_lossy().starts_with(".tmp")).count();
        assert_eq!(left, 0, "nothing is left of the attempt");
    }
}

#[test]
fn a_vm_that_becomes_limas_is_no_longer_reached_by_ssh() {
    for platform in PLATFORMS {
        let account = Account::on(platform);
        let config = ssh_config(&account);
        account.runs(&["install", "build", "--ssh-config", &config, "--host", "build-vm"]);
        let told = |account: &Account| account.everything().iter().any(|(_, text)| text.contains("--host=build-vm"));
        assert!(told(&account));
        account.orders();
        account.runs(&["install", "build"]);
        assert!(!told(&account), "{platform}");
        assert!(account.orders().last().is_some_and(|order| order.contains("build")));
    }
}

#[test]
fn a_port_that_is_held_stays_held() {
    for platform in PLATFORMS {
        let account = Account::on(platform);
        account.runs(&["install"]);
        account.orders();
        account.runs(&["install", "--sockets"]);
        let orders = account.orders();
        if platform == LINUX {
            let expected = ["daemon-reload", "stop secret-proxy.service", "enable --now secret-proxy.socket"];
            assert_eq!(orders[..3], expected.map(|order| format!("systemctl --user {order}")), "{orders:?}");
        }
        let held = account.everything();
        account.runs(&["install", "work"]);
        assert!(held.iter().all(|file| account.everything().contains(file)), "{platform}: it is not let go of");
        assert!(account.everything().iter().any(|(_, text)| text.contains("17329")), "{platform}");
    }
}

#[test]
fn the_port_that_is_held_is_the_one_of_the_settings() {
    for platform in PLATFORMS {
        let account = Account::on(platform);
        fs::create_dir_all(account.path(".config/secret-proxy")).expect("made");
        let settings = account.path(".config/secret-proxy/settings.env");
        fs::write(&settings, "SECRET_PROXY_LISTEN=127.0.0.1:18000,unix:proxy.sock\n").expect("written");
        assert!(account.runs(&["install", "--sockets", "--print"]).contains("18000"), "{platform}");
        fs::write(&settings, "SECRET_PROXY_LISTEN=127.0.0.1:18000\n").expect("written");
        let told = account.fails(&["install", "--sockets"], 2);
        assert!(told.contains("SECRET_PROXY_LISTEN in settings.env has to name both"), "{told}");
    }
}

/// As in a profile of Nix, or in Homebrew's folder: the link leads to the next version after an update.
#[test]
fn the_program_is_named_by_the_path_that_an_update_keeps() {
    for platform in PLATFORMS {
        let account = Account::on(platform);
        assert!(account.runs(&["install", "--print"]).contains("HOME/bin/secret-proxy"), "{platform}");
    }
}

#[test]
fn what_is_set_in_the_shell_only_is_told_and_has_no_effect() {
    let account = Account::on(LINUX);
    let output = account.command(&["install"]).env("SECRET_PROXY_LISTEN", "nonsense").output().expect("run");
    assert!(output.status.success());
    let told = account.plain(&output.stderr);
    assert!(told.contains("SECRET_PROXY_LISTEN is set in this shell only: write it into HOME/.config"), "{told}");
}
