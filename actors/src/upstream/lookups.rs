//! Lookups of names by the system's resolver.
//!
//! The resolver's call holds a thread and cannot be cancelled. One call for a name serves all that wait for it, and the
//! names of one domain hold a few threads: names that never answer leave the other threads to others.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use psl::Psl as _;
use quick_cache::sync::Cache;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::debug;

use crate::limits;

/// The addresses of a name, or why there are none.
type Answer = Result<Vec<IpAddr>, String>;

/// The lookups under way.
#[derive(Clone, Debug)]
pub(crate) struct Lookups(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    running: Mutex<HashMap<String, Running>>,
    /// Names that had an answer lately: they have threads of their own.
    answered: Cache<String, ()>,
    ended: Notify,
}

#[derive(Debug)]
struct Running {
    domain: String,
    answer: watch::Receiver<Option<Answer>>,
}

impl Default for Lookups {
    fn default() -> Self {
        let answered = Cache::new(limits::DESTINATIONS_MAX);
        Self(Arc::new(Shared { running: Mutex::default(), answered, ended: Notify::new() }))
    }
}

impl Lookups {
    /// Looks a name up. A listed one may use threads that others may not.
    pub(super) async fn look_up(&self, name: &str, is_listed: bool) -> Answer {
        self.ask(name, is_listed, |name| (name, 0).to_socket_addrs().map(|all| all.map(|it| it.ip()).collect())).await
    }

    async fn ask(&self, name: &str, is_listed: bool, resolve: fn(&str) -> io::Result<Vec<IpAddr>>) -> Answer {
        let asking = async {
            let mut answer = self.begun(name, is_listed, resolve).await;
            let answered = answer.wait_for(Option::is_some).await;
            answered.map_or_else(|_| None, |answer| answer.clone()).unwrap_or_else(|| Err("it crashed".to_owned()))
        };
        timeout(limits::RESOLVE_TIMEOUT, asking)
            .await
            .unwrap_or_else(|_| Err("it took too long; check this computer's DNS servers".to_owned()))
    }

    /// The lookup of this name: one that is under way, or a new one once there is a thread for it.
    async fn begun(
        &self,
        name: &str,
        is_listed: bool,
        resolve: fn(&str) -> io::Result<Vec<IpAddr>>,
    ) -> watch::Receiver<Option<Answer>> {
        loop {
            let ended = self.0.ended.notified();
            {
                let mut running = self.0.running();
                if let Some(same) = running.get(name) {
                    return same.answer.clone();
                }
                let domain = registrable_domain(name);
                let is_known = is_listed || self.0.answered.get(name).is_some();
                if has_thread(&running, domain, is_known) {
                    let (sender, answer) = watch::channel(None);
                    let (domain, receiver) = (domain.to_owned(), answer.clone());
                    running.insert(name.to_owned(), Running { domain, answer: receiver });
                    let guard = Ended { shared: self.0.clone(), name: name.to_owned() };
                    spawn_blocking(move || run(guard, &sender, resolve));
                    return answer;
                }
            }
            ended.await;
        }
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a lookup may begin.
fn has_thread(running: &HashMap<String, Running>, domain: &str, is_known: bool) -> bool {
    let of_domain = running.values().filter(|other| other.domain == domain).count();
    if is_known {
        return running.len() < limits::LOOKUPS_MAX + limits::LOOKUPS_RESERVED;
    }
    running.len() < limits::LOOKUPS_MAX && of_domain < limits::LOOKUPS_PER_DOMAIN_MAX
}

/// The part of a name that somebody registered, or all of it.
fn registrable_domain(name: &str) -> &str {
    let domain = psl::List.domain(name.as_bytes());
    domain.and_then(|domain| name.get(name.len() - domain.as_bytes().len()..)).unwrap_or(name)
}

fn run(ended: Ended, answer: &watch::Sender<Option<Answer>>, resolve: fn(&str) -> io::Result<Vec<IpAddr>>) {
    let found = resolve(&ended.name).map_err(|error| {
        debug!(%error, "lookup failed");
        "no DNS server knows it; check the host, and this computer's network".to_owned()
    });
    if found.as_ref().is_ok_and(|found| !found.is_empty()) {
        ended.shared.answered.insert(ended.name.clone(), ());
    }
    drop(ended);
    answer.send_replace(Some(found));
}

/// Frees the thread's place, after a panic too.
struct Ended {
    shared: Arc<Shared>,
    name: String,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.shared.running().remove(&self.name);
        self.shared.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// How many lookups of a domain are under way.
    type UnderWay<'a> = &'a [(&'a str, usize)];

    fn running(domains: UnderWay<'_>) -> HashMap<String, Running> {
        let (_, answer) = watch::channel(None);
        let names =
            domains.iter().flat_map(|(domain, count)| (0..*count).map(move |at| (format!("{at}.{domain}"), domain)));
        names.map(|(name, domain)| (name, Running { domain: (*domain).to_owned(), answer: answer.clone() })).collect()
    }

    #[test]
    fn table_of_threads() {
        let (all, domain) = (limits::LOOKUPS_MAX, limits::LOOKUPS_PER_DOMAIN_MAX);
        let many: Vec<_> = (0..all).map(|at| format!("d{at}.example")).collect();
        let many: Vec<_> = many.iter().map(|domain| (domain.as_str(), 1)).collect();
        let reserved = [many.clone(), vec![("listed.example", limits::LOOKUPS_RESERVED)]].concat();
        let table: [(UnderWay<'_>, &str, bool, bool); 6] = [
            (&[], "a.example", false, true),
            (&[("a.example", domain)], "a.example", false, false),
            (&[("a.example", domain)], "b.example", false, true),
            (&[("a.example", domain)], "a.example", true, true),
            (&many, "new.example", false, false),
            (&many, "new.example", true, true),
        ];
        for (under_way, domain, is_known, expected) in table {
            assert_eq!(has_thread(&running(under_way), domain, is_known), expected, "{domain} {is_known}");
        }
        assert!(!has_thread(&running(&reserved), "a.example", true));
    }

    #[test]
    fn table_of_domains() {
        for (name, domain) in [
            ("a.b.example.com", "example.com"),
            ("example.co.uk", "example.co.uk"),
            ("x.y.example.co.uk", "example.co.uk"),
            ("me.github.io", "me.github.io"),
            ("localhost", "localhost"),
            ("a.b.internal", "b.internal"),
        ] {
            assert_eq!(registrable_domain(name), domain, "{name}");
        }
    }

    #[tokio::test]
    async fn one_lookup_serves_all_that_wait_for_the_name() {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        let lookups = Lookups::default();
        let resolve: fn(&str) -> _ = |_| {
            CALLS.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(200));
            Ok(vec![[192, 0, 2, 1].into()])
        };
        let (first, second) =
            tokio::join!(lookups.ask("a.example", false, resolve), lookups.ask("a.example", false, resolve));
        assert_eq!((&first, CALLS.load(Ordering::Relaxed)), (&Ok(vec![[192, 0, 2, 1].into()]), 1));
        assert_eq!(first, second);
        assert!(lookups.0.running().is_empty() && lookups.0.answered.get("a.example").is_some());
    }

    /// Calls that do not return until the test lets them.
    static HANGING: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn names_that_never_answer_hold_up_themselves_alone() {
        let (release, hanging) = mpsc::channel::<()>();
        *HANGING.lock().expect("no panic") = Some(hanging);
        let lookups = Lookups::default();
        let never: fn(&str) -> _ = |_| {
            let _ = HANGING.lock().map(|hanging| hanging.as_ref().map(mpsc::Receiver::recv));
            Err(io::ErrorKind::TimedOut.into())
        };
        let waiting: Vec<_> = (0..64)
            .map(|at| {
                let lookups = lookups.clone();
                tokio::spawn(async move { lookups.ask(&format!("{at}.dead.example"), false, never).await })
            })
            .collect();
        let begun = async {
            while lookups.0.running().len() < limits::LOOKUPS_PER_DOMAIN_MAX {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(10), begun).await.expect("as many as may begin");
        let answers: fn(&str) -> _ = |_| Ok(vec![[192, 0, 2, 1].into()]);
        for (name, is_listed) in [("other.example", false), ("listed.dead.example", true)] {
            let asked = timeout(Duration::from_secs(5), lookups.ask(name, is_listed, answers));
            assert!(asked.await.expect("not held up").is_ok(), "{name}");
        }
        drop(release);
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
