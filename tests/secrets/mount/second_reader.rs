//! Another program reads the pipe beside the daemon, and each gets pieces. Nothing that the pieces seem to
//! say gets a value to a host that the whole text does not give it.
//!
//! What this rests on: the daemon has read the whole text once (what it reads first is believed if it ends
//! where a line does), and no two reads in a row lose the very same piece.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::task::JoinSet;

use super::bystander::Bystander;
use crate::support::{Canary, Origin, Proxy, Recorded, eventually_async};

/// How many secrets there are, each with a host of its own.
const SECRETS: usize = 6;

/// How often all pairs of a secret and a host are tried, at least.
const ROUNDS: usize = 12;

/// The same on a slow machine, on which few reads lose a piece, or few are believed.
const ROUNDS_MAX: usize = 10 * ROUNDS;

/// Time for the daemon to see an end before the next text begins.
const BETWEEN: Duration = Duration::from_millis(100);

fn host(number: usize) -> String {
    format!("host-{number}.example.test")
}

/// A writer that serves the text word by word, and a second reader that takes some of the words.
struct SharedPipe {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    end: AtomicBool,
    /// Whether the second reader takes some.
    takes: AtomicBool,
    servings: AtomicUsize,
    /// Bytes that the second reader has got.
    taken: AtomicUsize,
}

impl SharedPipe {
    fn serve(path: PathBuf, words: Vec<String>) -> Self {
        let shared: Arc<Shared> = Arc::default();
        let seen = shared.clone();
        let thread = std::thread::spawn(move || while seen.serve_once(&path, &words).is_some() {});
        Self { shared, thread: Some(thread) }
    }
}

impl Drop for SharedPipe {
    fn drop(&mut self) {
        self.shared.end.store(true, Ordering::SeqCst);
        let joined = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || joined.is_none_or(|ended| ended.is_ok()), "the writer panicked");
    }
}

impl Shared {
    /// Waits for the daemon and serves it. Every third text is whole; the others lose all words from the
    /// hosts of one secret to those of another, another piece each time: the worst that can go missing.
    fn serve_once(&self, path: &Path, words: &[String]) -> Option<()> {
        let mut writer = self.wait_for_reader(path)?;
        // Only now: a second reader that is there before the daemon would be served in its place.
        let mut second = open(path, File::options().read(true)).expect("the pipe is there");
        let serving = self.servings.fetch_add(1, Ordering::SeqCst);
        let loses = self.takes.load(Ordering::SeqCst) && !serving.is_multiple_of(3);
        let (from, length) = (3 + 4 * (serving % (SECRETS - 2)), 4 + 4 * (serving % 2));
        for (number, word) in words.iter().enumerate() {
            let is_taken = loses && (from..from + length).contains(&number);
            // What stands before it is the daemon's.
            while is_taken && rustix::io::ioctl_fionread(&second).expect("a pipe") > 0 {
                self.pause()?;
            }
            writer.write_all(word.as_bytes()).expect("the pipe has room");
            if is_taken {
                let mut piece = [0; 4096];
                // Nothing, if the daemon was there first.
                self.taken.fetch_add(second.read(&mut piece).unwrap_or(0), Ordering::SeqCst);
            }
        }
        drop((second, writer));
        std::thread::sleep(BETWEEN);
        Some(())
    }

    fn wait_for_reader(&self, path: &Path) -> Option<File> {
        loop {
            if let Ok(writer) = open(path, File::options().write(true)) {
                return Some(writer);
            }
            self.pause()?;
        }
    }

    fn pause(&self) -> Option<()> {
        std::thread::sleep(Duration::from_millis(2));
        (!self.end.load(Ordering::SeqCst)).then_some(())
    }
}

fn open(path: &Path, how: &mut std::fs::OpenOptions) -> std::io::Result<File> {
    how.custom_flags(i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).expect("a flag fits an i32")).open(path)
}

/// The secrets, and the words of the text: names, values and hosts, of which any may be lost.
fn secrets() -> (Vec<Canary>, Vec<String>) {
    let canaries: Vec<Canary> = (0..SECRETS).map(|_| Canary::new()).collect();
    let line = |(number, canary): (usize, &Canary)| {
        let words = [format!("KEY_{number}="), format!("{}\n", canary.value())];
        let hosts = [format!("KEY_{number}_HOSTS="), format!("{}\n", host(number))];
        words.into_iter().chain(hosts)
    };
    let words = canaries.iter().enumerate().flat_map(line).collect();
    (canaries, words)
}

/// Asks for every secret at every host, all at once; how many were permitted.
async fn try_all(proxy: &Proxy) -> usize {
    let mut asking = JoinSet::new();
    for number in 0..SECRETS {
        let client = proxy.client().http2();
        let tunnel = client.tunnel(&format!("{}:443", host(number))).await.expect("a tunnel");
        for key in 0..SECRETS {
            let request = tunnel.get(&format!("https://{}/", host(number)));
            let request = request.header("x-api-key", format!("{{{{KEY_{key}}}}}"));
            asking.spawn(async move { request.send().await.expect("answered").status == 200 });
        }
    }
    asking.join_all().await.into_iter().filter(|permitted| *permitted).count()
}

fn reasons_are_about_the_text(proxy: &Proxy) {
    let whys = ["Host 'host-", "Secrets cannot be read: ", "Secrets have changed, "];
    for record in proxy.audit_lines().iter().filter(|record| record["blocked"] == true) {
        let reason = record["reason"].as_str().expect("a reason");
        assert!(whys.iter().any(|why| reason.starts_with(why)), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_of_a_text_get_no_value_anywhere_that_the_whole_does_not_give_it() {
    let (canaries, words) = secrets();
    let hosts: Vec<String> = (0..SECRETS).map(host).collect();
    let origin = Origin::start(&hosts.iter().map(String::as_str).collect::<Vec<_>>());
    let mut builder = Proxy::builder().secrets_fifo().env("SECRET_PROXY_SECRETS_TTL", "0");
    for (host, canary) in hosts.iter().zip(&canaries) {
        builder = builder.origin(host, &origin).canary(canary);
    }
    let proxy = builder.start();
    let bystander = Bystander::start(proxy.client(), "host-0.example.test");
    let shared_pipe = SharedPipe::serve(proxy.secrets_path(), words);
    assert_eq!(try_all(&proxy).await, SECRETS, "the whole text");

    shared_pipe.shared.takes.store(true, Ordering::SeqCst);
    let (mut permitted, mut rounds) = (0, 0);
    let taken = || shared_pipe.shared.taken.load(Ordering::SeqCst);
    while rounds < ROUNDS || taken() <= 1000 || permitted <= ROUNDS {
        assert!(rounds < ROUNDS_MAX, "{} bytes were taken, {permitted} requests permitted", taken());
        rounds += 1;
        permitted += try_all(&proxy).await;
        // Whatever the last read brought, the next round reads.
        proxy.ask(&serde_json::json!({"ask": "reload"}));
    }
    shared_pipe.shared.takes.store(false, Ordering::SeqCst);
    eventually_async(Duration::from_secs(10), "the whole text again", async || try_all(&proxy).await == SECRETS).await;
    bystander.end().await;

    let asked = |request: &&Recorded| request.path != "/bystander";
    for request in origin.requests().iter().filter(asked) {
        let name = request.sni.as_deref().expect("a name");
        let number = hosts.iter().position(|host| host == name).expect("one of ours");
        let canary = canaries.get(number).expect("one for each host");
        assert_eq!(request.header("x-api-key"), Some(canary.bytes()), "what {name} got");
    }
    reasons_are_about_the_text(&proxy);
    assert!(proxy.log_text().contains("it has changed: reading once more"), "pieces were taken for a text");
}
