//! Other programs beside the daemon: commands of the binary, and real clients such as curl.

use std::fs::{self, Permissions};
use std::io::{self, PipeReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::process::{self, Process};
use super::proxy::{Proxy, program};
use super::terminal;
use super::transcript::Source;

/// The time limit of a daemon that must refuse to start.
const REFUSAL_WITHIN: Duration = Duration::from_secs(10);

/// The time limit of a program.
const PROGRAM_WITHIN: Duration = Duration::from_secs(60);

/// The proxy variables of programs. curl reads `http_proxy` in lower case only.
const PROXY_VARIABLES: [&str; 4] = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"];

/// The CA variables of OpenSSL, curl, git, Python's requests and Node.
const CA_VARIABLES: [&str; 5] =
    ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];

impl Proxy {
    /// Runs another command of the binary, with the daemon's environment.
    pub fn cli(&self, words: &[&str]) -> Output {
        self.run_as(Source::Product, self.command().args(words), PROGRAM_WITHIN)
    }

    /// The same with more variables.
    pub fn cli_with(&self, words: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = self.command();
        self.run_as(Source::Product, command.args(words).envs(environment.iter().copied()), PROGRAM_WITHIN)
    }

    /// Runs a line as a person types it, with the binary on the `PATH` and the daemon's environment.
    pub fn typed(&self, line: &str, environment: &[(&str, &str)]) -> Output {
        let program = program();
        let binary = Path::new(&program).parent().expect("a folder").display();
        let given = environment.iter().find(|(key, _)| *key == "PATH").map(|(_, path)| *path);
        let path = given.or(self.home.environment.get("PATH").map(String::as_str)).unwrap_or_default();
        let mut shell = Command::new("sh");
        shell.env_clear().envs(&self.home.environment).envs(environment.iter().copied());
        shell.env("PATH", format!("{binary}:{path}")).args(["-c", line]);
        self.run_as(Source::Product, &mut shell, PROGRAM_WITHIN)
    }

    /// Starts another command of the binary, which runs until it is ended or dropped.
    pub fn cli_running(&self, words: &[&str]) -> Process {
        let process = Process::spawn(self.command().args(words), self.home.root.path(), &self.label());
        process.expect("the built secret-proxy can be started")
    }

    /// The same, with its stdout in a pipe.
    pub fn cli_piped(&self, words: &[&str]) -> (Process, PipeReader) {
        let (reader, writer) = io::pipe().expect("a pipe");
        let mut command = self.command();
        let process = Process::spawn_into(writer.into(), command.args(words), self.home.root.path(), &self.label());
        (process.expect("the built secret-proxy can be started"), reader)
    }

    /// Runs another command of the binary on a terminal, and returns the terminal's output.
    pub fn cli_on_terminal(&self, words: &[&str], environment: &[(&str, &str)]) -> String {
        let shown = terminal::shown_by(self.command().args(words).envs(environment.iter().copied()));
        self.home.transcript.record(Source::Product, "a terminal", &shown);
        String::from_utf8(shown).expect("text")
    }

    /// Runs any program to its end, for at most 60 s, and searches its output for canaries.
    pub fn run(&self, program: &mut Command) -> Output {
        self.run_as(Source::Client, program, PROGRAM_WITHIN)
    }

    /// A real client that uses the proxy and trusts its CA, for [`Self::run`]. Of the tests' environment it has only
    /// `PATH`.
    pub fn program(&self, name: &str) -> Command {
        let proxy = format!("http://{}", self.addr());
        let mut command = Command::new(name);
        command.env_clear().current_dir(self.home.root.path());
        command.envs(PROXY_VARIABLES.map(|variable| (variable, &proxy)));
        command.envs(CA_VARIABLES.map(|variable| (variable, self.ca_path())));
        let kept = ["PATH", "HOME"].into_iter();
        command.envs(kept.filter_map(|key| Some((key, self.home.environment.get(key)?))));
        // git must fail and not ask; Node needs a variable to use a proxy.
        command.env("GIT_TERMINAL_PROMPT", "0").env("NODE_USE_ENV_PROXY", "1");
        command
    }

    pub(super) fn run_refused(&self) -> Output {
        let mut command = self.command();
        let output = self.run_as(Source::Product, command.args(&self.home.args), REFUSAL_WITHIN);
        assert!(!output.status.success(), "secret-proxy was to refuse to start");
        output
    }

    fn run_as(&self, source: Source, program: &mut Command, within: Duration) -> Output {
        let name = program.get_program().to_string_lossy().into_owned();
        let output = process::output(program, self.home.root.path(), &self.label(), within);
        let output = output.unwrap_or_else(|error| panic!("{name} cannot be run: {error}"));
        self.home.transcript.record(source, format!("stdout of {name}"), &output.stdout);
        self.home.transcript.record(source, format!("stderr of {name}"), &output.stderr);
        output
    }

    fn label(&self) -> String {
        format!("program-{}", self.programs.fetch_add(1, Ordering::SeqCst))
    }
}

/// Writes a shell script as a program.
pub fn executable(path: &Path, lines: &str) {
    fs::write(path, format!("#!/bin/sh\n{lines}\n")).expect("written");
    fs::set_permissions(path, Permissions::from_mode(0o700)).expect("ours");
}
