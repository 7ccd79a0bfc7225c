use hyper_util::rt::TokioIo;
use tokio::io::{DuplexStream, duplex};
use tokio_util::task::AbortOnDropHandle;

use super::super::connection::{Sender, Wipes};
use super::super::connection_limit::ConnectionLimit;
use super::super::stream_limit::StreamLimit;
use super::*;
use crate::supervision::tasks::Tasks;
use crate::wire::meter::Meter;
use crate::wire::turn::{Turn, Turns};

/// An HTTP/2 connection, and the server's end of it.
async fn http2(destination: &Destination) -> (Connection, DuplexStream) {
    let ((executor, guard), turn) = (Tasks::guarded(), Turn::default());
    let (stream, server) = duplex(64 * 1024);
    let stream = TokioIo::new(turn.bound(stream, Meter::Bytes));
    let handshake = hyper::client::conn::http2::handshake(Turns { turn, executor }, stream).await;
    let (sender, connection) = handshake.expect("it needs no answer");
    let (limit, connection) = StreamLimit::of(connection);
    let driver = Arc::new(AbortOnDropHandle::new(tokio::spawn(async move {
        let _guard = guard;
        let _ = connection.await;
    })));
    let sender = Sender::Http2 { sender, driver, limit };
    let permit = ConnectionLimit::new(1).request(ClientId::next()).granted().await.expect("a permit");
    let connection = Connection::new(ClientId::next(), destination.clone(), sender, Wipes::default(), permit);
    (connection.expect("legal"), server)
}

fn need(offer: Offer) -> Need {
    Need { offer, is_idempotent: true, made_after: None }
}

#[tokio::test]
async fn one_connection_is_kept_of_clients_that_have_gone_though_their_exchanges_end_later() {
    let (mut pool, destination) = (Pool::default(), Destination::from_connect("a.example:443").expect("legal"));
    let clients = [ClientId::next(), ClientId::next(), ClientId::next()];
    let (mut in_use, mut servers) = (Vec::new(), Vec::new());
    for client in clients {
        let (connection, server) = http2(&destination).await;
        pool.share(&connection, client, Instant::now());
        in_use.push(connection);
        servers.push(server);
    }
    clients.iter().for_each(|client| pool.release(&destination, *client));
    assert_eq!(pool.destinations[&destination].shared.len(), 1, "nobody will ask for the others");
    let next = ClientId::next();
    assert!(pool.take(&destination, &need(Offer::Http2), next).is_none(), "its last exchange has not ended");
    drop(in_use);
    assert!(pool.take(&destination, &need(Offer::Http2), next).is_some());
}
