//! Accepting alone, with clients that need no owner.

use std::path::PathBuf;

use policy::destination::allowlist::Allowlist;
use ractor::SupervisionEvent;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::*;
use crate::audit::{self, AuditHandle};
use crate::authority::AuthorityHandle;
use crate::exchange;
use crate::secret_store::SecretStoreHandle;
use crate::session::Interception;
use crate::session::settings::Intercept;
use crate::supervision::drain::Drain;
use crate::supervision::slot::slot;
use crate::upstream::{UpstreamHandle, Wipes};

/// More than a task does in one go: after 64 or so it has to let others run.
const CLIENTS: usize = 100;

/// What sessions hang off.
struct Root;

impl Actor for Root {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    /// Goes on when they end.
    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<()>,
        _: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

/// Peers whose owners are all down.
fn peers() -> Peers {
    let exchange = exchange::Peers {
        secret_store: SecretStoreHandle::new(slot("secret_store").1),
        upstream: UpstreamHandle::new(slot("upstream").1, Wipes::default()),
        audit: AuditHandle::new(slot("audit").1, audit::Part::new(audit::Report::new(PathBuf::new()))),
    };
    Peers {
        exchange: Arc::new(exchange),
        authority: AuthorityHandle::new(slot("authority").1),
        probe_key: None,
        interception: Interception {
            passthrough: Allowlist::default(),
            intercept: Intercept::All,
            listed: watch::Sender::new(None).subscribe(),
        },
    }
}

#[tokio::test]
async fn an_accepted_client_is_served_though_accepting_ends_at_once() {
    let (root, _) = Actor::spawn(None, Root, ()).await.expect("a root");
    let bound = StdTcpListener::bind("127.0.0.1:0").expect("a port");
    bound.set_nonblocking(true).expect("as the root binds it");
    let address = bound.local_addr().expect("an address");
    let admission = Admission::new(2 * CLIENTS, Drain::default());
    let sockets: Arc<[Bound]> = [Bound::Tcp(bound)].into();
    let peers = Arc::new(peers());
    let arguments =
        Arguments { sockets: sockets.clone(), peers, root: root.get_cell(), admission, part: Part::default() };
    let socket = sockets[0].copy().expect("a copy");
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = TcpStream::connect(address).await.expect("taken in");
        client.write_all(b"GET / HTTP/1.1\r\nHost: nobody\r\n\r\n").await.expect("sent");
        clients.push(client);
    }
    // From now on it is known that others wait, so that accepting goes on until it must let others run.
    drop(socket.accept().await.expect("the first"));
    let accepting = AbortOnDropHandle::new(tokio::spawn(accept(socket, arguments.clone())));
    tokio::task::yield_now().await;
    drop(accepting);
    let _next = AbortOnDropHandle::new(tokio::spawn(accept(sockets[0].copy().expect("a copy"), arguments)));
    for (number, mut client) in clients.into_iter().enumerate().skip(1) {
        let mut status = [0; 12];
        let read = client.read_exact(&mut status).await;
        assert!(read.is_ok(), "client {number}: {read:?}");
        assert_eq!(&status, b"HTTP/1.1 400");
    }
}
