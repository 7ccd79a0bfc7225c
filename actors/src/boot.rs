//! The start: checks what a person could have got wrong, then starts the owners.

mod error;
mod owners;
mod resources;

use std::fs::File;
use std::path::PathBuf;

use ractor::{Actor, ActorRef};
use tokio::sync::oneshot;

pub use self::error::BootError;
use self::owners::Plan;
use self::resources::Resources;
use crate::audit::mirror::Mirror;
use crate::limits;
use crate::listener::Bound;
use crate::listener::bind::InheritedSocket;
use crate::secret_store::SecretStoreHandle;
use crate::settings::Settings;
use crate::supervision::root::{self as supervisor, Ended, Supervisor};

/// The running tree.
pub struct Daemon {
    root: ActorRef<supervisor::Msg>,
    ended: oneshot::Receiver<Ended>,
    secret_store: SecretStoreHandle,
    addresses: Vec<String>,
    socket_paths: Vec<PathBuf>,
    _lock: File,
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Daemon {
    /// Checks the settings against the world and starts all owners. Sockets that were inherited take
    /// the place of those that would be bound.
    ///
    /// # Errors
    /// Something has to be put right first; nothing was overwritten.
    pub async fn boot(settings: Settings, mirror: Mirror, inherited: Vec<InheritedSocket>) -> Result<Self, BootError> {
        let lock = settings.folder.lock()?;
        let resources = Resources::prepare(&settings, inherited)?;
        let addresses = resources.sockets.iter().map(Bound::address).collect();
        let mut socket_paths: Vec<PathBuf> = resources.sockets.iter().filter_map(Bound::path).collect();
        socket_paths.push(settings.folder.status_socket());
        let (publishers, handles) = owners::slots(&resources);
        let secret_store = handles.secret_store.clone();
        let (ended_sender, ended) = oneshot::channel();
        let (report, drain) = (resources.board.subsystems.clone(), resources.drain.clone());
        let plan = Plan { settings, mirror, resources, publishers, handles };
        let arguments = supervisor::Arguments {
            report,
            drain,
            children: Box::new(move |root| plan.children(&root)),
            ended: ended_sender,
            crashes_max: crashes_max(),
        };
        let started = Actor::spawn(None, Supervisor, arguments).await;
        let (root, _) = started.map_err(|error| BootError::Start(error.to_string()))?;
        Ok(Self { root, ended, secret_store, addresses, socket_paths, _lock: lock })
    }

    /// Where it listens, as people write it.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Reads the mount soon.
    pub fn reload(&self) {
        self.secret_store.reload_soon();
    }

    /// Stops accepting, lets sessions finish, stops the owners.
    pub async fn drain(&self) {
        self.secret_store.drain();
        let limit = limits::DRAIN_TIMEOUT + 8 * limits::OWNER_STOP_TIMEOUT;
        let _ = self.root.call(|reply| supervisor::Msg::Drain { reply }, Some(limit)).await;
        for path in &self.socket_paths {
            // What is left behind would only puzzle people: the next start replaces it.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Waits until the tree has ended by itself.
    pub async fn ended(&mut self) -> Ended {
        (&mut self.ended).await.unwrap_or(Ended::Exhausted("supervisor"))
    }
}

/// How often an owner may crash; a test may say otherwise.
fn crashes_max() -> usize {
    #[cfg(feature = "faults")]
    if let Some(crashes) = crate::supervision::faults::crashes_max() {
        return crashes;
    }
    limits::CRASHES_MAX
}
