//! The commands: one file for each, with its arguments and its work.

mod audit;
mod ca;
mod check;
mod demo;
mod doctor;
mod env;
mod install;
mod reload;
mod run;
mod status;
mod tunnel;
mod uninstall;
mod usage;
mod why;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::settings::FolderArgs;
use crate::terminal::failure::Failure;

/// Inject secrets into HTTP requests, each only for the hosts you allow
///
/// Programs in a VM send {{NAME}} in a header. The proxy checks that the secret is allowed for the
/// destination, writes an audit record, replaces {{NAME}} by its value, and forwards the request.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = "Try it: secret-proxy demo")]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon in the foreground
    #[command(after_help = "Example: secret-proxy run\n\n\
        A setting comes from its flag, else its variable, else FOLDER/settings.env, else the default.\n\
        SIGTERM and SIGINT stop the daemon when its requests have finished, after 10 s at most.\n\
        SIGHUP reads the secrets again and reopens the logs.")]
    Run(run::RunArgs),
    /// Show the daemon's state; exit code 0 if secrets can be injected
    #[command(after_help = "Example: secret-proxy status --json | jq .secrets.state")]
    Status(status::StatusArgs),
    /// Check the secrets file: print names, hosts and problems with their lines, never a value
    #[command(after_help = "Example: secret-proxy check ~/.config/secret-proxy/secrets.env\n\n\
        Each problem is one line, FILE:LINE: error|warning|note: NAME: problem; next step. \
        The exit code is 1 if a secret cannot be used.")]
    Check(check::CheckArgs),
    /// Make the daemon read the secrets again
    #[command(after_help = "Example: secret-proxy reload")]
    Reload(FolderArgs),
    /// Show the audit trail, or verify it
    #[command(after_help = "Example: secret-proxy audit --blocked --since 2h\n\n\
        The output is columns on a terminal, and the JSON lines of the audit file in a pipe or a file:\n\
        secret-proxy audit --host '*.example.com' | jq -r .path\n\n\
        `audit` also reads rotated files (audit.log.N), oldest first. --verify prints the head of the hash chain. \
        Store the head elsewhere; later, --verify --head SEQ:HASH detects whether records are missing.")]
    Audit(audit::AuditArgs),
    /// Show the records of a refusal, by its id (the x-secret-proxy-id header)
    #[command(after_help = "Example: secret-proxy why 0123456789abcdef")]
    Why(why::WhyArgs),
    /// Show, export or replace the certificate that the VM must trust
    #[command(after_help = "Example: secret-proxy ca export > secret-proxy-ca.pem")]
    Ca(ca::CaArgs),
    /// Have launchd or systemd run the proxy, and a reverse tunnel into each named VM
    #[command(after_help = "Example: secret-proxy install work\n\n\
        To add VMs, run `install` again: it keeps the installed services, and changes nothing if all are installed. \
        The service reads its settings from settings.env in the folder.")]
    Install(install::InstallArgs),
    /// Remove the services of `install`; keep secrets, settings, CA and logs
    #[command(after_help = "Example: secret-proxy uninstall")]
    Uninstall(uninstall::UninstallArgs),
    /// Check every step from local files to the VM, and print a fix for each failure
    #[command(after_help = "Example: secret-proxy doctor work\n\n\
        The output is one line for each step (ok, warn or FAIL), and below it the command that fixes a problem. \
        `doctor` sends no secret: a temporary proxy with a made-up secret tests injection and refusal. \
        The exit code is 1 if a step fails.")]
    Doctor(doctor::DoctorArgs),
    /// Keep a reverse tunnel open that forwards a port in the VM to the proxy
    #[command(after_help = "Example: secret-proxy tunnel work\n\n\
        The command runs in the foreground and reconnects by itself. `secret-proxy status` shows the tunnel's state. \
        SIGTERM ends the command.")]
    Tunnel(tunnel::TunnelArgs),
    /// Print the variables that programs in the VM need
    #[command(after_help = "Example: secret-proxy env --shell fish | source\n\n\
        In sh: eval \"$(secret-proxy env)\". For a VM without secret-proxy, run `env` on your computer and \
        append its output to the VM's /etc/environment. docs/clients.md lists the variables that each client reads.")]
    Env(env::EnvArgs),
    /// Demonstrate the proxy in a few seconds, without network, 1Password or root
    #[command(after_help = "Example: secret-proxy demo")]
    Demo,
}

impl Cli {
    /// The command line of this process. Help and the version are printed, and end it.
    pub(crate) fn read() -> Result<Self, Failure> {
        usage::parsed()
    }

    /// Whether the command keeps running although its output is lost: a log on a full disk must not end it.
    pub(crate) fn outlives_its_output(&self) -> bool {
        matches!(self.command, Command::Run(_) | Command::Tunnel(_))
    }

    /// Runs the command.
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        match &self.command {
            Command::Audit(arguments) => audit::main(arguments),
            Command::Ca(arguments) => ca::main(arguments),
            Command::Check(arguments) => check::main(arguments),
            Command::Demo => demo::main(),
            Command::Install(arguments) => install::main(arguments),
            Command::Doctor(arguments) => doctor::main(arguments),
            Command::Env(arguments) => env::main(arguments),
            Command::Reload(folder) => reload::main(folder),
            Command::Run(arguments) => run::main(arguments),
            Command::Status(arguments) => status::main(arguments),
            Command::Uninstall(arguments) => uninstall::main(arguments),
            Command::Tunnel(arguments) => tunnel::main(arguments),
            Command::Why(arguments) => why::main(arguments),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_has_a_help() {
        for line in ["secret-proxy help --help", "secret-proxy help -h", "secret-proxy ca help --help"] {
            let line: Vec<_> = line.split(' ').map(Into::into).collect();
            let error = usage::try_parse::<Cli>(line.clone()).expect_err("help");
            assert_eq!(error.kind(), clap::error::ErrorKind::DisplayHelp, "{line:?}");
        }
        let line = ["secret-proxy", "help", "nothing", "--help"].map(Into::into).into();
        let error = usage::try_parse::<Cli>(line).expect_err("no such command");
        assert_eq!(error.kind(), clap::error::ErrorKind::InvalidSubcommand);
    }

    #[test]
    fn a_usage_error_is_one_line_that_names_the_argument() {
        let complaint = |line: &str| usage::complaint(&Cli::try_parse_from(line.split(' ')).expect_err("wrong"));
        for (line, named) in [
            ("secret-proxy run --nothing", "'--nothing'"),
            ("secret-proxy runn", "'run'"),
            ("secret-proxy why", "<ID>"),
            ("secret-proxy ca rotate --finnish", "'--finish'"),
            ("secret-proxy env --shell nothing", "nix"),
            ("secret-proxy env --shell", "--shell"),
            ("secret-proxy reload reload", "'reload'"),
        ] {
            let complaint = complaint(line);
            assert!(complaint.contains(named), "{line}: {complaint}");
            assert!(complaint.ends_with(" (--help shows the usage)"), "{line}: {complaint}");
            assert!(
                !complaint.contains('\n') && !complaint.contains("Usage") && !complaint.contains("error:"),
                "{complaint}"
            );
        }
    }
}
