//! `secret-proxy`: reads the command line and runs the command.

#[macro_use]
mod say;

mod commands;
mod control;
mod doctor;
mod failure;
mod guests;
mod handed;
mod harden;
mod logging;
mod readiness;
mod secrets_file;
mod service;
mod settings;
mod stage;
mod terminal;
mod trail;
mod tunnel;
mod typed;
mod vm;
mod watchdog;

use std::alloc::System;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

use self::commands::Cli;
use self::failure::Failure;

/// Wipes memory as it is freed: values pass through buffers of the HTTP and TLS libraries, which wipe none of them.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    harden::private_files();
    run().unwrap_or_else(|failure| {
        complain!("secret-proxy: {failure}");
        failure.exit_code()
    })
}

/// Runs the command; output that was lost fails it, unless it outlives its output.
fn run() -> Result<ExitCode, Failure> {
    let cli = Cli::read()?;
    let code = cli.run()?;
    if cli.outlives_its_output() { Ok(code) } else { say::told().map(|_| code) }
}
