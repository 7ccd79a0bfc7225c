//! The commands: a file each, with its arguments and what it does.

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

/// Injects secrets into HTTP requests, each only for the hosts you allow
///
/// Programs in a VM send {{NAME}} in a header. The proxy checks that the destination is allowed for
/// that secret, replaces {{NAME}} by its value, forwards the request and writes an audit record.
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
        SIGTERM and SIGINT let requests finish, then stop; SIGHUP reads the secrets again.")]
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
        Prints columns on a terminal, and into a pipe or a file the JSON lines of the audit file:\n\
        secret-proxy audit --host '*.example.com' | jq -r .path\n\n\
        Rotated files (audit.log.N) are read too, oldest first. --verify prints the head of the hash chain:\n\
        store it elsewhere, and --verify --head SEQ:HASH detects later whether records are missing.")]
    Audit(audit::AuditArgs),
    /// Show the records of a refusal, by its id (the x-secret-proxy-id header)
    #[command(after_help = "Example: secret-proxy why 0123456789abcdef")]
    Why(why::WhyArgs),
    /// Show, export or replace the certificate that the VM must trust
    #[command(after_help = "Example: secret-proxy ca export > secret-proxy-ca.pem")]
    Ca(ca::CaArgs),
    /// Install the proxy as a service of launchd or systemd, with a tunnel into each named VM
    #[command(after_help = "Example: secret-proxy install work\n\n\
        Run it again to add VMs; it keeps what is installed, and changes nothing if all is installed. \
        The service reads its settings from settings.env in the folder.")]
    Install(install::InstallArgs),
    /// Remove what `install` created; keeps secrets, settings, CA and logs
    #[command(after_help = "Example: secret-proxy uninstall")]
    Uninstall(uninstall::UninstallArgs),
    /// Check every step from local files to the VM, and print a fix for each failure
    #[command(after_help = "Example: secret-proxy doctor work\n\n\
        Prints one line for each step: ok, warn or FAIL, and the command to type. Sends no secret anywhere: \
        a temporary proxy with a made-up secret tests injection and refusal. The exit code is 1 if a step fails.")]
    Doctor(doctor::DoctorArgs),
    /// Keep a reverse tunnel into a VM, which provides the proxy's port there
    #[command(after_help = "Example: secret-proxy tunnel work\n\n\
        Runs in the foreground and reconnects by itself; `secret-proxy status` shows its state. SIGTERM ends it.")]
    Tunnel(tunnel::TunnelArgs),
    /// Print the variables that programs in the VM need
    #[command(after_help = "Example: secret-proxy env --shell fish | source\n\n\
        In sh: eval \"$(secret-proxy env)\". For a VM without the program, append the host's output to\n\
        the VM's /etc/environment. docs/clients.md lists what each client does with the variables.")]
    Env(env::EnvArgs),
    /// Demonstrate it in a few seconds, without network, 1Password or root
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
            assert!(complaint.ends_with(" (--help shows how it is used)"), "{line}: {complaint}");
            assert!(
                !complaint.contains('\n') && !complaint.contains("Usage") && !complaint.contains("error:"),
                "{complaint}"
            );
        }
    }
}
