//! `secret-proxy`: reads the command line and runs the command.

#[macro_use]
mod terminal;

mod child;
mod commands;
mod control;
mod daemon;
mod doctor;
mod install;
mod keeper;
mod programs;
mod sandbox;
mod secrets_file;
mod settings;
mod vm;

use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

use self::commands::Cli;
use self::daemon::harden;
use self::terminal::failure::Failure;
use self::terminal::output;

/// The system's allocator on Linux keeps what a crowd needed once; this one gives it back after some seconds.
#[cfg(target_os = "linux")]
use tikv_jemallocator::Jemalloc as Allocator;

#[cfg(not(target_os = "linux"))]
use std::alloc::System as Allocator;

/// Wipes memory as it is freed: values pass through buffers of the HTTP and TLS libraries, which wipe none of them.
#[global_allocator]
static MEMORY: ZeroAlloc<Allocator> = ZeroAlloc(Allocator);

fn main() -> ExitCode {
    harden::private_files();
    run().unwrap_or_else(|failure| {
        err!("secret-proxy: {failure}");
        failure.exit_code()
    })
}

/// Runs the command; output that was lost fails it, unless it outlives its output.
fn run() -> Result<ExitCode, Failure> {
    let cli = Cli::read()?;
    let code = cli.run()?;
    if cli.outlives_its_output() { Ok(code) } else { output::stdout_intact().map(|_| code) }
}
