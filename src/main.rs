//! `secret-proxy`: reads the command line, and starts what it asks for.

#[macro_use]
mod terminal;

mod child;
mod cli;
mod commands;
mod control;
mod daemon;
mod doctor;
mod install;
mod keeper;
mod programs;
mod sandbox;
mod settings;
mod vm;

use std::alloc::System;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

use self::cli::{Cli, Command};
use self::daemon::harden;
use self::terminal::failure::Failure;
use self::terminal::output;

/// Memory is wiped as it is given back: the HTTP and TLS libraries have buffers that a value passes
/// through, and wipe none of them.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    harden::private_files();
    let outcome = Cli::read().and_then(|cli| {
        // What stdout is sent to may be full at times: whoever works on is not ended by that.
        let works_on = matches!(cli.command, Command::Run(_) | Command::Tunnel(_));
        let code = carry_out(cli.command)?;
        if works_on { Ok(code) } else { output::told().map(|_| code) }
    });
    outcome.unwrap_or_else(|failure| {
        complain!("secret-proxy: {failure}");
        failure.exit_code()
    })
}

fn carry_out(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Audit(arguments) => commands::audit::main(&arguments),
        Command::Ca(arguments) => commands::ca::main(&arguments),
        Command::Check(arguments) => commands::check::main(&arguments),
        Command::Demo => commands::demo::main(),
        Command::Install(arguments) => commands::install::main(&arguments),
        Command::Doctor(arguments) => commands::doctor::main(&arguments),
        Command::Env(arguments) => commands::env::main(&arguments),
        Command::Reload(folder) => commands::reload::main(&folder),
        Command::Run(arguments) => commands::run::main(&arguments),
        Command::Status(arguments) => commands::status::main(&arguments),
        Command::Uninstall(arguments) => commands::uninstall::main(&arguments),
        Command::Tunnel(arguments) => commands::tunnel::main(&arguments),
        Command::Why(arguments) => commands::why::main(&arguments),
    }
}
