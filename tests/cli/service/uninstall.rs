//! `uninstall` removes exactly what `install` made.

use std::fs;

use super::account::{Account, LINUX, MACOS, PLATFORMS, complaint};

fn others(platform: &str) -> [&'static str; 2] {
    match platform {
        MACOS => ["com.example.secret-proxy.plist", "local.secret-proxy-tunnel.not ours.plist"],
        _ => ["other.service", "secret-proxy-tunnel@build.service.d/mine.conf"],
    }
}

#[test]
fn everything_goes_but_what_is_the_users() {
    for platform in PLATFORMS {
        let account = Account::on(platform);
        for name in others(platform) {
            let path = account.folder().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, "mine").expect("written");
        }
        fs::write(account.path("config"), "").expect("written");
        let before = account.everything();
        account.runs(&["install", "work", "--sockets"]);
        account.runs(&["install", "build", "--ssh-config", "config", "--host", "h"]);
        fs::write(account.path(".config/secret-proxy/secrets.env"), "A=1\n").expect("written");
        account.orders();

        let would_go = account.runs(&["uninstall", "--print"]);
        assert_eq!(account.orders(), Vec::<String>::new());
        let shown = account.runs(&["uninstall"]);
        assert_eq!(would_go.lines().count(), shown.lines().filter(|line| line.starts_with("removed ")).count());
        assert!(
            shown.ends_with("kept       HOME/.config/secret-proxy: secrets, settings, CA, logs and the audit trail\n")
        );
        let after = account.everything();
        let kept = [before, vec![(account.path(".config/secret-proxy/secrets.env"), "A=1\n".to_owned())]].concat();
        assert!(after.iter().all(|file| kept.contains(file)) && after.len() == kept.len(), "{platform}: {after:?}");

        let orders = account.orders();
        let stop = if platform == MACOS { "bootout" } else { "disable --now" };
        assert!(orders.iter().any(|order| order.contains(stop)), "{orders:?}");
        assert!(account.runs(&["uninstall"]).starts_with("nothing is installed\n"));
        assert_eq!(account.orders(), Vec::<String>::new());
    }
}

#[test]
fn the_socket_is_let_go_before_the_proxy_that_it_would_start() {
    let account = Account::on(LINUX);
    account.runs(&["install", "work", "--sockets"]);
    account.orders();
    account.runs(&["uninstall"]);
    let expected = "disable --now secret-proxy-tunnel@work.service secret-proxy.socket secret-proxy.service";
    assert_eq!(account.orders(), [expected, "daemon-reload"].map(|order| format!("systemctl --user {order}")));
}

#[test]
fn one_tunnel_can_go_alone() {
    for platform in PLATFORMS {
        let account = Account::on(platform);
        fs::write(account.path("config"), "").expect("written");
        account.runs(&["install", "work"]);
        account.runs(&["install", "build", "--ssh-config", "config", "--host", "h"]);
        account.orders();
        let shown = account.runs(&["uninstall", "build"]);
        assert!(shown.contains("build") && !shown.contains("work") && !shown.contains("kept"), "{shown}");
        assert!(account.runs(&["install", "work"]).ends_with("nothing was changed\n"), "{platform}");
        assert!(!account.everything().iter().any(|(path, _)| path.display().to_string().contains("build")));
    }
}

/// An install without a bus had left its files for ever.
#[test]
fn the_files_go_though_the_tool_fails_or_is_not_there() {
    for platform in PLATFORMS {
        for is_there in [true, false] {
            let account = Account::on(platform);
            let before = account.everything();
            account.runs(&["install", "work"]);
            let word = if platform == MACOS { "bootout" } else { "disable" };
            account.fail(word, Some("Failed to connect to bus"));
            // launchd has forgotten an agent that cannot be booted out; another would be waited for.
            let _ = fs::remove_file(account.path(".stand-in/loaded-local.secret-proxy"));
            let _ = fs::remove_file(account.path(".stand-in/loaded-local.secret-proxy-tunnel.work"));
            let mut command = account.command(&["uninstall"]);
            if !is_there {
                command.env("PATH", account.path("empty"));
            }
            let output = command.output().expect("run");
            if !is_there || platform == LINUX {
                let told = complaint(&output, 1);
                let reason = if is_there { "Failed to connect to bus" } else { "not found" };
                assert!(told.contains(reason) && told.contains("removed all the same"), "{told}");
                assert!(!told.contains("status secret-proxy"), "a tool that is not there is not to be run: {told}");
            }
            assert_eq!(account.everything(), before, "{platform}");
            assert!(account.runs(&["uninstall"]).starts_with("nothing is installed\n"));
        }
    }
}

#[test]
fn an_install_that_fails_can_be_taken_away() {
    let account = Account::on(LINUX);
    let before = account.everything();
    for word in ["daemon-reload", "disable", "enable"] {
        account.fail(word, Some("Failed to connect to bus"));
    }
    account.fails(&["install"], 1);
    assert!(account.proxy_file().exists());
    assert!(account.fails(&["uninstall"], 1).contains("removed all the same"));
    assert_eq!(account.everything(), before);
    account.runs(&["uninstall"]);
}
