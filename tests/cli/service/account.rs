//! A user with a home folder, and stand-ins for `launchctl` and `systemctl` that note what they are told
//! and remember what is loaded.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_secret-proxy");

/// What both stand-ins begin with: a file `fail-WORD` makes that call fail with the text in it.
const BEGIN: &str = r#"#!/bin/sh
cd "$HOME/.stand-in" || exit 9
echo "${0##*/} $*" >> calls
for word; do
  if [ -f "fail-$word" ]; then cat "fail-$word" >&2; exit 5; fi
done
"#;

const LAUNCHCTL: &str = r#"
case $1 in
print) [ -f "loaded-${2##*/}" ] && echo "	state = running" ;;
bootstrap) label=${3##*/}; touch "loaded-${label%.plist}" ;;
bootout) rm "loaded-${2##*/}" ;;
esac
"#;

/// `enable` leaves the links that systemd leaves for a tunnel.
const SYSTEMCTL: &str = r#"
shift
verb=$1; shift
[ "$1" = --now ] && shift
wants=$HOME/.config/systemd/user/default.target.wants
case $verb in
show)
  if [ -f "active-$2" ]; then echo ActiveState=active; else echo ActiveState=inactive; fi
  if [ -f "enabled-$2" ]; then echo UnitFileState=enabled; else echo UnitFileState=; fi
  echo NeedDaemonReload=no ;;
enable) touch "active-$1" "enabled-$1"; mkdir -p "$wants"; ln -sf /template "$wants/$1" ;;
disable) for unit; do rm "active-$unit" "enabled-$unit" "$wants/$unit" || exit 1; done ;;
stop) rm "active-$1" ;;
restart) touch "active-$1" ;;
esac
"#;

pub(super) const MACOS: &str = "macos";
pub(super) const LINUX: &str = "linux";
pub(super) const PLATFORMS: [&str; 2] = [MACOS, LINUX];

pub(super) struct Account {
    home: TempDir,
    platform: &'static str,
}

impl Account {
    pub(super) fn on(platform: &'static str) -> Self {
        let account = Self { home: TempDir::new().expect("a folder"), platform };
        fs::create_dir_all(account.path(".stand-in")).expect("made");
        fs::create_dir_all(account.path("bin")).expect("made");
        // That the last two are found is all that counts.
        let programs = [("launchctl", LAUNCHCTL), ("systemctl", SYSTEMCTL), ("limactl", ""), ("ssh", "")];
        for (name, rest) in programs {
            let path = account.path(&format!("bin/{name}"));
            fs::write(&path, format!("{BEGIN}{rest}")).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
        }
        symlink(PROGRAM, account.path("bin/secret-proxy")).expect("linked");
        account
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The folder of agents or units.
    pub(super) fn folder(&self) -> PathBuf {
        self.path(if self.platform == MACOS { "Library/LaunchAgents" } else { ".config/systemd/user" })
    }

    /// The proxy's own agent or unit.
    pub(super) fn proxy_file(&self) -> PathBuf {
        self.folder().join(if self.platform == MACOS { "local.secret-proxy.plist" } else { "secret-proxy.service" })
    }

    /// The program as a user calls it, with this platform's ways.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.path("bin/secret-proxy"));
        command.arg0("secret-proxy").args(words).args(["--platform", self.platform]);
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        command.env_clear().env("HOME", self.home.path()).env("PATH", path).current_dir(self.home.path());
        command
    }

    pub(super) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("the built secret-proxy can be started")
    }

    /// What it prints, if it ends well.
    #[track_caller]
    pub(super) fn runs(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.plain(&output.stdout)
    }

    /// Its one line of complaint, if it ends with this exit code.
    #[track_caller]
    pub(super) fn fails(&self, words: &[&str], code: i32) -> String {
        complaint(&self.run(words), code)
    }

    /// Text with names in place of what differs from test to test.
    pub(super) fn plain(&self, text: &[u8]) -> String {
        let text = String::from_utf8_lossy(text).replace(&self.home.path().display().to_string(), "HOME");
        text.replace(&format!("gui/{}", rustix::process::getuid().as_raw()), "gui/UID")
    }

    /// What the stand-ins were told since the last look, without mere questions.
    pub(super) fn orders(&self) -> Vec<String> {
        let path = self.path(".stand-in/calls");
        let calls = self.plain(&fs::read(&path).unwrap_or_default());
        let _ = fs::remove_file(path);
        let asks = |call: &&str| call.starts_with("launchctl print ") || call.starts_with("systemctl --user show ");
        calls.lines().filter(|call| !asks(call)).map(str::to_owned).collect()
    }

    /// From now on calls with this word fail with this text; or work again.
    pub(super) fn fail(&self, word: &str, text: Option<&str>) {
        let path = self.path(&format!(".stand-in/fail-{word}"));
        match text {
            Some(text) => fs::write(path, text).expect("written"),
            None => fs::remove_file(path).expect("it failed before"),
        }
    }

    /// Every file below the home folder and what is in it, but for the stand-ins'.
    pub(super) fn everything(&self) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        collect(self.home.path(), &mut found);
        found.retain(|(path, _)| !path.starts_with(self.path(".stand-in")));
        found.sort();
        found
    }
}

/// The one line on stderr.
#[track_caller]
pub(super) fn complaint(output: &Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "the exit code, with: {text}");
    assert_eq!((text.lines().count(), text.starts_with("secret-proxy: ")), (1, true), "one line: {text}");
    text
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&entry.path(), found),
            _ => found.push((entry.path(), fs::read_to_string(entry.path()).unwrap_or_default())),
        }
    }
}
