//! `run`: the daemon, in the foreground.

use std::process::ExitCode;

use actors::mirror::Mirror;
use actors::{BindError, BootError, Daemon, Ended, InheritedSocket, runtime};
use clap::Args;
use tracing::{info, warn};

use crate::control::identify::answers_as_ours;
use crate::daemon::signals::{SignalAction, Signals};
use crate::daemon::{harden, inherited_sockets, logging, readiness, watchdog};
use crate::secrets_file::path_of;
use crate::settings::{self, FolderArgs, Given, Run, joined};
use crate::terminal::failure::Failure;

#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    folder: FolderArgs,

    #[command(flatten)]
    settings: Given,
}

pub(crate) fn main(arguments: &RunArgs) -> Result<ExitCode, Failure> {
    harden::clean_environment().map_err(|error| {
        let variables = "SSL_CERT_FILE, HTTPS_PROXY and similar variables";
        Failure::not_well(format!("cannot restart with {variables} removed ({error})")).hint("unset them")
    })?;
    let inherited = inherited_sockets::take_all()?;
    let private = harden::keep_memory_private();
    let affordable = harden::raise_descriptor_limit();
    let mut run = settings::read(&arguments.folder, &arguments.settings)?;
    if let Err(error) = private {
        run.warnings.push(format!("other programs of this user may read this process's memory: {error}"));
    }
    if run.tree.listener.sessions_max > affordable {
        run.warnings.push(format!("descriptors allow only {affordable} client connections at a time (ulimit -n)"));
        run.tree.listener.sessions_max = affordable;
    }
    let (mirror, _guard) = logging::start(&run.tree.folder, &run.log)?;
    for warning in &run.warnings {
        warn!("{warning}");
        err!("secret-proxy: {warning}");
    }
    let runtime = runtime::with_threads(run.workers).map_err(Failure::not_well)?;
    let mut outcome = Ok(ExitCode::FAILURE);
    let work = async {
        let served = watchdog::watched(serve(run, mirror, inherited)).await;
        outcome = served.unwrap_or_else(|error| Err(Failure::not_well(error)));
    };
    runtime::block_on(&runtime, Box::pin(work));
    // A thread that reads a file must not hold up the end.
    runtime.shutdown_background();
    outcome
}

async fn serve(run: Run, mirror: Mirror, inherited: Vec<InheritedSocket>) -> Result<ExitCode, Failure> {
    let mut signals = Signals::listen().map_err(Failure::not_well)?;
    let (folder, secrets) = (run.tree.folder.clone(), run.tree.secret_store.source.clone());
    let boot = Daemon::boot(run.tree, mirror, inherited).await;
    let mut daemon = boot.map_err(|error| refused(error).within(&settings::hints(&folder)))?;
    let addresses = joined(daemon.addresses());
    info!(version = env!("CARGO_PKG_VERSION"), addresses, "listening");
    out!("secret-proxy {} listens on {addresses}", env!("CARGO_PKG_VERSION"));
    let is_missing = path_of(&secrets).is_some_and(|path| !path.exists());
    let missing = if is_missing { ", which is not there yet" } else { "" };
    out!("secrets from {secrets}{missing}; log in {}", folder.proxy_log().display());
    readiness::notify(&format!("READY=1\nSTATUS=listens on {addresses}"));
    loop {
        tokio::select! {
            ended = daemon.ended() => return report(ended),
            action = signals.next() => match action {
                SignalAction::Reload => {
                    logging::reopen();
                    info!("reading the secrets and opening the logs again");
                    daemon.reload();
                }
                SignalAction::Stop => break,
            },
        }
    }
    info!("stopping");
    readiness::notify("STOPPING=1\nSTATUS=lets requests finish");
    out!("stopping: requests may finish for 10 s; another signal stops at once");
    tokio::select! {
        () = daemon.drain() => Ok(ExitCode::SUCCESS),
        // The second signal.
        () = signals.stop() => Err(Failure::not_well("stopped before requests had finished")),
    }
}

/// A file that a setting names belongs to the settings; so do inherited sockets.
fn refused(error: BootError) -> Failure {
    match error {
        BootError::Trust(_) | BootError::Bind(BindError::NotListed(_)) => Failure::from(error).into_usage(),
        BootError::Bind(BindError::Taken(address)) if answers_as_ours(&address) => {
            let failure = Failure::not_well(format!("{address} is taken by another secret-proxy"));
            failure.hint("choose another address with --listen")
        }
        error => error.into(),
    }
}

fn report(ended: Ended) -> Result<ExitCode, Failure> {
    match ended {
        Ended::Drained => Ok(ExitCode::SUCCESS),
        Ended::Exhausted(owner) => {
            let failure = Failure::not_well(format!("{owner} crashed too often"));
            Err(failure.hint("see proxy.log").hint("start secret-proxy again"))
        }
    }
}
