//! The command lines of ssh.
//!
//! Options given here override the config file, which may be Lima's or the owner's own: no agent, no Kerberos ticket,
//! no X11, no command and no connection is shared with a hostile VM because of a line in that file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tokio::process::Command;

/// How one VM is reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ssh {
    pub(crate) program: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) host: String,
}

/// Options of every command line.
const ALWAYS: [&str; 10] =
    ["-a", "-k", "-x", "-T", "-o", "BatchMode=yes", "-o", "PermitLocalCommand=no", "-o", "RemoteCommand=none"];

/// A dedicated connection: short limits, and it ends when the forward is refused. Only the keeper's questions share it.
const OWN: [&str; 16] = [
    "-N",
    "-M",
    "-o",
    "ControlPersist=no",
    "-o",
    "LogLevel=INFO",
    "-o",
    "ExitOnForwardFailure=yes",
    "-o",
    "ConnectTimeout=10",
    "-o",
    "ConnectionAttempts=1",
    "-o",
    "ServerAliveInterval=5",
    "-o",
    "ServerAliveCountMax=3",
];

/// A connection for one question, such as `doctor`'s. Lima's shared one is left alone: it would hold our files open
/// and outlive us.
const SINGLE_USE: [&str; 8] =
    ["-o", "ControlPath=none", "-o", "ControlMaster=no", "-o", "ClearAllForwardings=yes", "-o", "ConnectTimeout=8"];

/// Prevents a new connection: by default ssh opens one when it finds none to share.
const NO_NEW_ONE: [&str; 4] = ["-o", "ControlMaster=no", "-o", "ProxyCommand=false"];

impl Ssh {
    /// Holds the forward with a dedicated connection.
    pub(crate) fn hold(&self, control: &Path, forward: &str) -> Vec<OsString> {
        let mut words = words(&ALWAYS);
        words.extend(self::words(&OWN));
        words.extend([OsString::from("-S"), percent(control), "-R".into(), forward.into()]);
        self.to_host(words)
    }

    /// Sends a command to the master of a shared connection; never exit or stop, as it is not ours.
    pub(crate) fn control(&self, command: MasterCommand, forward: Option<&str>) -> Vec<OsString> {
        let mut words = words(&ALWAYS);
        words.extend(["-O", command.as_str()].map(OsString::from));
        words.extend(forward.into_iter().flat_map(|forward| ["-R".into(), forward.into()]));
        self.to_host(words)
    }

    /// Ends our own master that outlived its keeper.
    pub(crate) fn end_own(&self, control: &Path) -> Vec<OsString> {
        let mut words = words(&ALWAYS);
        words.extend([OsString::from("-S"), percent(control), "-O".into(), "exit".into()]);
        self.to_host(words)
    }

    /// Leads stdin and stdout to a port in the VM, by the connection behind `control`, or else by the one
    /// that the config file names.
    pub(crate) fn through(&self, control: Option<&Path>, port: u16) -> Vec<OsString> {
        let mut words = words(&ALWAYS);
        words.extend(self::words(&NO_NEW_ONE));
        words.extend(control.into_iter().flat_map(|control| ["-S".into(), percent(control)]));
        self.lead_to(words, port)
    }

    /// The same by a new connection.
    pub(crate) fn through_new(&self, port: u16) -> Vec<OsString> {
        let mut words = words(&ALWAYS);
        let own = ["-S", "none", "-o", "ControlMaster=no", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=5"];
        words.extend(self::words(&own));
        self.lead_to(words, port)
    }

    /// Runs a script by a login shell there, on a connection of its own.
    pub(crate) fn script(&self, script: &str) -> Vec<OsString> {
        debug_assert!(!script.contains('\''), "it stands in quotes of whatever shell the user has");
        let mut words = words(&ALWAYS);
        words.extend(self::words(&SINGLE_USE));
        let mut words = self.to_host(words);
        words.push(format!("exec sh -lc '{script}'").into());
        words
    }

    /// Leads stdin and stdout to a port in the VM, on a connection of its own.
    pub(crate) fn port_once(&self, port: u16) -> Vec<OsString> {
        let mut words = words(&ALWAYS);
        words.extend(self::words(&SINGLE_USE));
        self.lead_to(words, port)
    }

    fn lead_to(&self, mut words: Vec<OsString>, port: u16) -> Vec<OsString> {
        words.extend(["-W".into(), OsString::from(format!("127.0.0.1:{port}"))]);
        self.to_host(words)
    }

    fn to_host(&self, mut words: Vec<OsString>) -> Vec<OsString> {
        words.extend([OsString::from("-F"), self.config.clone().into(), "--".into(), self.host.clone().into()]);
        words
    }

    pub(crate) fn command(&self, words: Vec<OsString>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words);
        command
    }
}

/// A command to the master of a shared connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MasterCommand {
    Check,
    Forward,
    Cancel,
}

impl MasterCommand {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Forward => "forward",
            Self::Cancel => "cancel",
        }
    }
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// Escapes `%`, because ssh expands `%h` and the like.
fn percent(path: &Path) -> OsString {
    path.to_string_lossy().replace('%', "%%").into()
}

/// A path as a part of a forward, if it can be one: ssh expands `%h` and `${NAME}`, and a colon ends a part.
pub(crate) fn unix_path(path: &Path) -> Result<String, String> {
    /// The shortest `sun_path` of our systems, macOS's, and its final zero.
    const SUN_PATH: usize = 104 - 1;
    let Some(text) = path.to_str().filter(|text| !text.contains("${") && !text.contains(char::is_control)) else {
        return Err(format!("ssh does not accept the path {}: choose another folder with --dir", path.display()));
    };
    if text.len() > SUN_PATH {
        return Err(format!("{text} is too long for a socket: choose a folder with a shorter path with --dir"));
    }
    Ok(text.replace('\\', "\\\\").replace(':', "\\:").replace('%', "%%"))
}

/// The argument of a forward; cancelling it takes the same one.
pub(crate) fn forward(port: u16, here: &str) -> String {
    // 127.0.0.1 and not localhost: the port in the VM is for the VM alone, and spelling counts.
    format!("127.0.0.1:{port}:{here}")
}

/// The process id in `Master running (pid=7)`.
pub(crate) fn master_pid(words: &str) -> Option<i32> {
    let (_, rest) = words.split_once("(pid=")?;
    rest.split_once(')')?.0.parse().ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssh() -> Ssh {
        Ssh { program: "/usr/bin/ssh".into(), config: "/l/work/ssh.config".into(), host: "lima-work".into() }
    }

    fn line(words: &[OsString]) -> String {
        words.join(" ".as_ref()).into_string().expect("text")
    }

    const ALWAYS_LINE: &str = "-a -k -x -T -o BatchMode=yes -o PermitLocalCommand=no -o RemoteCommand=none";

    #[test]
    fn table_of_command_lines() {
        let forward = forward(17329, "/d/proxy.sock");
        let table = [
            (
                ssh().hold("/d/c".as_ref(), &forward),
                "-N -M -o ControlPersist=no -o LogLevel=INFO -o ExitOnForwardFailure=yes -o ConnectTimeout=10 \
                 -o ConnectionAttempts=1 -o ServerAliveInterval=5 -o ServerAliveCountMax=3 \
                 -S /d/c -R 127.0.0.1:17329:/d/proxy.sock",
            ),
            (ssh().control(MasterCommand::Check, None), "-O check"),
            (ssh().control(MasterCommand::Forward, Some(&forward)), "-O forward -R 127.0.0.1:17329:/d/proxy.sock"),
            (ssh().control(MasterCommand::Cancel, Some(&forward)), "-O cancel -R 127.0.0.1:17329:/d/proxy.sock"),
            (ssh().through(None, 7), "-o ControlMaster=no -o ProxyCommand=false -W 127.0.0.1:7"),
            (
                ssh().through(Some("/d/50%".as_ref()), 7),
                "-o ControlMaster=no -o ProxyCommand=false -S /d/50%% -W 127.0.0.1:7",
            ),
            (
                ssh().port_once(7),
                "-o ControlPath=none -o ControlMaster=no -o ClearAllForwardings=yes -o ConnectTimeout=8 -W 127.0.0.1:7",
            ),
            (ssh().through_new(7), "-S none -o ControlMaster=no -o LogLevel=ERROR -o ConnectTimeout=5 -W 127.0.0.1:7"),
        ];
        for (words, expected) in table {
            assert_eq!(line(&words), format!("{ALWAYS_LINE} {expected} -F /l/work/ssh.config -- lima-work"));
        }
    }

    /// The master of a shared connection is not ours: it is never told to end.
    #[test]
    fn a_shared_master_is_never_told_to_end() {
        for command in [MasterCommand::Check, MasterCommand::Forward, MasterCommand::Cancel] {
            let line = line(&ssh().control(command, None));
            assert!(!line.contains("exit") && !line.contains("stop"), "{line}");
        }
        assert!(line(&ssh().end_own("/d/c".as_ref())).contains("-S /d/c -O exit"));
    }

    #[test]
    fn table_of_paths() {
        assert_eq!(unix_path("/a b/c:d%e".as_ref()), Ok("/a b/c\\:d%%e".to_owned()));
        assert!(unix_path("/${HOME}/x".as_ref()).is_err());
        assert!(unix_path("/a\nb".as_ref()).is_err());
        assert!(unix_path(format!("/{}", "x".repeat(103)).as_ref()).is_err_and(|error| error.contains("--dir")));
    }

    #[test]
    fn table_of_master_pids() {
        let table =
            [("Master running (pid=42)\r\n", Some(42)), ("Master running (pid=0)", None), ("No such file", None)];
        for (words, expected) in table {
            assert_eq!(master_pid(words), expected, "{words}");
        }
    }
}
