//! A day's shape in a minute: short requests, streams, sockets, uploads, and clients that go away at every
//! stage. At the end nothing of it is left.
//!
//! With `SECRET_PROXY_LONG=1` it is a minute, else some seconds.

mod visit;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use self::visit::{HOST, VISITS, Visitor};
use crate::support::crowd::random;
use crate::support::load::is_long;
use crate::support::{Canary, Footprint, Origin, PlainOrigin, Proxy};

const CLIENTS: u64 = 12;
/// By how much memory may grow from the first part of the day to its end, in KiB: what the allocator keeps.
const GROWTH_MAX: u64 = 8 * 1024;

struct Day {
    proxy: Proxy,
    origins: [Origin; 2],
    /// How often each visit was made.
    made: Arc<[AtomicU64; VISITS.len()]>,
}

impl Day {
    fn begin() -> Self {
        let (canary, origin, plain) = (Canary::new(), Origin::start(&[HOST]), PlainOrigin::start());
        let listed = format!("{HOST}, http://{HOST}");
        let builder = Proxy::builder().origin(HOST, &origin).origin(HOST, &plain);
        let proxy = builder.secret("API_KEY", &canary, &listed).start();
        Self { proxy, origins: [origin, plain], made: Arc::new(VISITS.map(|_| AtomicU64::new(0))) }
    }

    /// Lets all clients come and go for so long, and finish what they have begun.
    async fn goes_on(&self, within: Duration) {
        let (until, mut clients) = (Instant::now() + within, JoinSet::new());
        for number in 0..CLIENTS {
            let (visitor, made) = (Visitor::new(&self.proxy, number), self.made.clone());
            clients.spawn(async move {
                while Instant::now() < until {
                    let choice = usize::try_from(random(VISITS.len() as u64)).expect("an index");
                    let (name, visit) = VISITS[choice];
                    let visiting = tokio::time::timeout(Duration::from_secs(20), visit(visitor.clone()));
                    visiting.await.unwrap_or_else(|_| panic!("{name} takes its time"));
                    made[choice].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while let Some(client) = clients.join_next().await {
            client.expect("every visit goes as it should");
        }
    }

    /// What is held when everybody has gone, and the origins have closed what was kept for the next client.
    fn ends(&self, start: &Footprint) -> Footprint {
        self.origins.iter().for_each(Origin::stop);
        self.proxy.returns_to(start, "a day")
    }

    fn tell(&self) {
        for ((name, _), made) in VISITS.iter().zip(self.made.iter()) {
            println!("{name}: {}", made.load(Ordering::Relaxed));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_days_traffic_leaves_nothing_behind() {
    let seconds = if is_long() { 60 } else { 6 };
    let day = Day::begin();
    let start = day.proxy.at_rest();
    day.goes_on(Duration::from_secs(seconds / 3)).await;
    let morning = day.proxy.at_rest();
    day.goes_on(Duration::from_secs(seconds - seconds / 3)).await;
    let end = day.ends(&start);
    day.tell();
    println!("{start:?}\n{morning:?}\n{end:?}");
    assert!(day.made.iter().all(|made| made.load(Ordering::Relaxed) > 0), "each kind of visit was made");
    let grown = end.resident.zip(morning.resident).map(|(end, morning)| end.saturating_sub(morning));
    assert!(grown.is_none_or(|grown| grown < GROWTH_MAX), "memory grew by {grown:?} KiB");
}
