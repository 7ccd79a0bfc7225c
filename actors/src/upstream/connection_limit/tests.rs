use super::*;
use crate::wire::place::Moment;

fn clients() -> [ClientId; 3] {
    [ClientId::next(), ClientId::next(), ClientId::next()]
}

/// So many permits for a client, which moved a byte at these times.
async fn hold(limit: &ConnectionLimit, client: ClientId, moved: &[u64]) -> Vec<ConnectionPermit> {
    let mut permits = Vec::new();
    for moved in moved {
        let permit = limit.request(client).granted().await.expect("a permit");
        permit.place().moved_at(Moment::of_millis(*moved));
        permits.push(permit);
    }
    permits
}

#[tokio::test]
async fn a_request_waits_from_the_moment_it_is_made_until_it_is_dropped_or_granted() {
    let (limit, [client, ..]) = (ConnectionLimit::new(1), clients());
    let permit = limit.request(client).granted().await.expect("a permit");
    assert!(!limit.has_waiters());
    let (waiting, dropped) = (limit.request(client), limit.request(client));
    assert!(waiting.is_waiting() && limit.has_waiters());
    drop(dropped);
    drop(permit);
    let permit = waiting.granted().await.expect("granted");
    assert!(!limit.has_waiters() && limit.request(client).is_waiting());
    drop(permit);
    assert!(!limit.request(client).is_waiting());
}

#[tokio::test(start_paused = true)]
async fn the_quietest_connection_of_the_largest_client_is_evicted_for_one_that_has_fewer() {
    let (limit, [large, small, waiting]) = (ConnectionLimit::new(5), clients());
    let held = hold(&limit, large, &[30, 10, 20]).await;
    let others = hold(&limit, small, &[1, 2]).await;
    let _third = limit.request(waiting).granted().await.expect("a permit");
    assert!(held[1].place().is_taken_away());
    held[1].gives_way().await;
    assert!(others.iter().chain([&held[0], &held[2]]).all(|permit| !permit.place().is_taken_away()));
    drop(held);
    let permits = hold(&limit, small, &[3, 4]).await;
    assert!(limit.request(waiting).is_waiting(), "a permit is released once");
    drop(permits);
}

#[tokio::test(start_paused = true)]
async fn a_client_evicts_none_of_its_own_and_none_of_those_that_have_no_more() {
    let (limit, [one, other, _]) = (ConnectionLimit::new(2), clients());
    let held = [hold(&limit, one, &[1]).await, hold(&limit, other, &[2]).await].concat();
    assert!(timeout(limits::PLACE_POLL * 10, limit.request(one).granted()).await.is_err());
    assert!(held.iter().all(|permit| !permit.place().is_taken_away()));
    assert!(!limit.has_waiters(), "it has given up");
}

#[tokio::test]
async fn a_free_permit_is_for_the_client_that_has_the_fewest() {
    let (limit, [large, small, none]) = (ConnectionLimit::new(3), clients());
    let mut held = hold(&limit, large, &[1, 2]).await;
    held.extend(hold(&limit, small, &[3]).await);
    let requests = [large, small, none, none].map(|client| limit.request(client));
    drop(held.pop());
    let [large, small, first, second] = requests;
    let first = first.granted().await.expect("the oldest of those that have none");
    drop(second);
    drop(first);
    let _small = small.granted().await.expect("then the one that has none any more");
    drop(held);
    large.granted().await.expect("then the last");
}

#[tokio::test]
async fn a_permit_that_nobody_waits_for_any_more_goes_to_the_next() {
    let (limit, [client, other, _]) = (ConnectionLimit::new(1), clients());
    let permit = limit.request(client).granted().await.expect("a permit");
    let (dropped, waiting) = (limit.request(other), limit.request(other));
    drop(permit);
    // It was granted, and not taken.
    drop(dropped);
    waiting.granted().await.expect("granted");
}
