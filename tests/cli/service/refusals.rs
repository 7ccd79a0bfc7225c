//! Refusals of `install`: one line with the next step, and no partial installation.

use std::fs;
use std::os::unix::fs::symlink;

use super::account::{Account, LINUX, MACOS, PLATFORMS, complaint};

const USAGE: i32 = 2;

#[test]
fn names_that_would_be_part_of_paths_or_commands_are_refused() {
    for platform in PLATFORMS {
        let account = Account::on(platform);
        let before = account.everything();
        for name in ["a b", "../x", "", ".x", "a/b", "a@b", "a\nb", "%i", "$HOME", "ünï", "a<b"] {
            let told = account.fails(&["install", name], USAGE);
            assert!(told.contains("is not the name of a VM"), "{name:?}: {told}");
            account.fails(&["uninstall", name], USAGE);
        }
        assert_eq!((account.everything(), account.orders()), (before, vec![]));
    }
}

#[test]
fn a_folder_with_odd_characters_is_written_so_that_it_is_read_back() {
    let dir = "R&D <50%> 'it'";
    let text = |platform| {
        let account = Account::on(platform);
        let dir = account.path(dir).display().to_string();
        account.runs(&["install", "--dir", &dir, "--print"])
    };
    assert!(text(MACOS).contains("<string>--dir=HOME/R&amp;D &lt;50%&gt; 'it'</string>"));
    assert!(text(LINUX).contains("\"--dir=HOME/R&D <50%%> 'it'\""));
}

#[test]
fn characters_that_a_file_cannot_hold_are_refused() {
    let table =
        [(LINUX, "a\"b"), (LINUX, "a\\b"), (LINUX, "a$b"), (LINUX, "a\nb"), (MACOS, "a\nb"), (MACOS, "a\u{7f}b")];
    for (platform, name) in table {
        let account = Account::on(platform);
        let dir = account.path(name).display().to_string();
        let told = account.fails(&["install", "--dir", &dir], USAGE);
        assert!(told.contains("choose another path"), "{name:?}: {told}");
        assert!(!account.folder().exists(), "nothing was written");
        assert!(!account.path(name).exists(), "nor was the folder made");
    }
}

#[test]
fn a_way_by_ssh_is_for_one_vm_and_has_to_be_there() {
    let account = Account::on(LINUX);
    fs::write(account.path("config"), "").expect("written");
    let table: [(&[&str], &str); 4] = [
        (&["a", "b", "--ssh-config", "config", "--host", "h"], "are for one VM"),
        (&["--ssh-config", "config", "--host", "h"], "are for one VM"),
        (&["a", "--ssh-config", "other", "--host", "h"], "there is no file other"),
        (&["a", "--ssh-config", "config", "--host=-oProxyCommand=x"], "is not a Host"),
    ];
    for (words, expected) in table {
        let told = account.fails(&[&["install"], words].concat(), USAGE);
        assert!(told.contains(expected), "{told}");
    }
    assert!(!account.folder().exists());
}

#[test]
fn settings_that_would_end_the_proxy_at_once_are_told_now() {
    let account = Account::on(MACOS);
    fs::create_dir_all(account.path(".config/secret-proxy")).expect("made");
    fs::write(account.path(".config/secret-proxy/settings.env"), "SECRET_PROXY_WORKERS=many\n").expect("written");
    let told = account.fails(&["install"], USAGE);
    assert!(told.contains("SECRET_PROXY_WORKERS in "), "{told}");
    assert!(!account.folder().exists());
}

#[test]
fn what_nix_has_installed_is_left_to_nix() {
    let account = Account::on(MACOS);
    fs::create_dir_all(account.folder()).expect("made");
    fs::write(account.folder().join("org.nixos.secret-proxy.plist"), "").expect("written");
    assert!(account.fails(&["install"], USAGE).contains("org.nixos.secret-proxy.plist"));

    let account = Account::on(LINUX);
    fs::create_dir_all(account.folder()).expect("made");
    symlink("/nix/store/x/secret-proxy.service", account.proxy_file()).expect("linked");
    assert!(account.fails(&["install"], 1).contains("is a link, made by another program"));
    assert_eq!(account.runs(&["uninstall"]).lines().next(), Some("nothing is installed"));
    assert!(account.proxy_file().is_symlink());
    assert_eq!(account.orders(), Vec::<String>::new());
}

#[test]
fn a_failing_tool_is_named_with_its_words_and_the_next_run_goes_on() {
    let table = [
        (MACOS, "bootstrap", "Bootstrap failed: 5: Input/output error", "'launchctl bootstrap gui/UID HOME/"),
        (MACOS, "enable", "no such domain", "'launchctl enable gui/UID/local.secret-proxy' failed (no such domain)"),
        (LINUX, "daemon-reload", "Failed to connect to bus: No medium found", "'systemctl --user daemon-reload'"),
        (LINUX, "--now", "Job failed.", "'systemctl --user enable --now secret-proxy.service' failed (Job failed.)"),
    ];
    for (platform, word, text, expected) in table {
        let account = Account::on(platform);
        account.fail(word, Some(&format!("a first line\n{text}\n")));
        let told = account.plain(account.fails(&["install"], 1).as_bytes());
        assert!(told.contains(expected) && told.contains(text), "{told}");
        assert!(told.trim_end().ends_with("run the command again"), "{told}");
        account.fail(word, None);
        assert!(account.runs(&["install"]).contains("started "), "{platform} {word}");
        assert!(account.runs(&["install"]).ends_with("nothing was changed\n"), "{platform} {word}");
    }
}

#[test]
fn an_agent_that_cannot_be_stopped_is_not_replaced() {
    let account = Account::on(LINUX);
    account.runs(&["install"]);
    fs::write(account.proxy_file(), "# an older one\n").expect("written");
    account.fail("restart", Some("Job timed out"));
    assert!(account.fails(&["install"], 1).contains("Job timed out"));
}

#[test]
fn a_tool_that_is_not_there_is_named() {
    for (platform, name) in [(MACOS, "launchctl"), (LINUX, "systemctl")] {
        let account = Account::on(platform);
        let output = account.command(&["install"]).env("PATH", account.path("empty")).output().expect("run");
        let told = complaint(&output, 1);
        assert!(told.contains(&format!("'{name} ")) && told.contains("not found"), "{told}");
        assert!(told.contains("secret-proxy run") && !told.contains("status secret-proxy"), "{told}");
        assert!(!account.proxy_file().exists(), "nothing is left behind");
    }
}

#[test]
fn nothing_is_installed_by_sudo() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("SKIPPED: only root can be told from a user by sudo");
    }
    let account = Account::on(MACOS);
    let output = account.command(&["install"]).env("SUDO_UID", "501").output().expect("run");
    assert!(complaint(&output, USAGE).contains("without sudo"));
}
