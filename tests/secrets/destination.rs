//! A value arrives only where every word that a request says of its destination agrees on one that is
//! listed, and there it does arrive.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use crate::support::{Canary, Client, Origin, PlainOrigin, Proxy, Tunnel};

const GOOD: &str = "good.example.test";
const EVIL: &str = "evil.example.test";
const LISTED: &str = "good.example.test, good.example.test:8443, http://good.example.test";
const KEY: (&str, &str) = ("x-api-key", "{{API_KEY}}");

/// One connection of the matrix.
#[derive(Clone, Copy, Debug)]
struct Way {
    host: &'static str,
    /// How CONNECT, or the absolute URI, spells the host.
    spelling: fn(&str) -> String,
    port: u16,
    layer: Layer,
}

/// What is spoken on it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Layer {
    Absolute,
    Cleartext,
    Tls { http2: bool, server_name: ServerName },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum ServerName {
    Same,
    Upper,
    Absent,
    Other,
}

/// What a request on it says of its destination, and whether that is where the connection goes.
#[derive(Debug)]
struct Words {
    authority: Option<String>,
    host: Option<String>,
    agree: bool,
}

fn other(host: &str) -> &'static str {
    if host == GOOD { EVIL } else { GOOD }
}

fn layers() -> Vec<Layer> {
    use ServerName::{Absent, Other, Same, Upper};
    let names = [Same, Upper, Absent, Other];
    let tls = names.into_iter().flat_map(|server_name| [false, true].map(|http2| Layer::Tls { http2, server_name }));
    [Layer::Absolute, Layer::Cleartext].into_iter().chain(tls).collect()
}

fn ways() -> Vec<Way> {
    let spellings: [fn(&str) -> String; 3] = [str::to_owned, str::to_uppercase, |host| format!("{host}.")];
    let mut ways = Vec::new();
    for host in [GOOD, EVIL] {
        for spelling in spellings {
            for port in [80, 443, 8443, 9443] {
                ways.extend(layers().into_iter().map(|layer| Way { host, spelling, port, layer }));
            }
        }
    }
    ways
}

impl Way {
    fn scheme(&self) -> &'static str {
        if matches!(self.layer, Layer::Tls { .. }) { "https" } else { "http" }
    }

    fn listed(&self) -> bool {
        self.host == GOOD && [("http", 80), ("https", 443), ("https", 8443)].contains(&(self.scheme(), self.port))
    }

    fn server_name_agrees(&self) -> bool {
        !matches!(self.layer, Layer::Tls { server_name: ServerName::Other, .. })
    }

    fn authority(&self) -> String {
        format!("{}:{}", (self.spelling)(self.host), self.port)
    }

    /// The `Host` fields or `:authority` texts that are tried on it.
    fn words(&self) -> Vec<Words> {
        let (host, other, port) = (self.host, other(self.host), self.port);
        let default = if self.scheme() == "https" { 443 } else { 80 };
        let mut texts = vec![(host.to_owned(), port == default), (other.to_owned(), false)];
        let same = [format!("{host}:{port}"), format!("{}:{port}", host.to_uppercase()), format!("{host}.:{port}")];
        texts.extend(same.map(|text| (text, true)));
        texts.extend([(format!("{other}:{port}"), false), (format!("{host}:{}", port + 1), false)]);
        texts.extend([(format!("{other}@{host}:{port}"), false), (format!("{host}:0{port}"), false)]);
        texts.extend([(format!("sub.{host}:{port}"), false), (format!("{host}.{other}:{port}"), false)]);
        if !matches!(self.layer, Layer::Tls { http2: true, .. }) {
            let words = |(text, agree)| Words { authority: None, host: Some(text), agree };
            return texts.into_iter().map(words).collect();
        }
        let beside =
            [(host, host, true), (host, other, false), (other, host, false)].map(|(authority, host, agree)| {
                let text = |host| Some(format!("{host}:{port}"));
                Words { authority: text(authority), host: text(host), agree }
            });
        let words = |(text, agree)| Words { authority: Some(text), host: None, agree };
        texts.into_iter().map(words).chain(beside).collect()
    }

    async fn open(&self, client: &Client) -> Tunnel {
        let opened = match self.layer {
            Layer::Absolute => client.forward().await,
            Layer::Cleartext => client.clone().cleartext().tunnel(&self.authority()).await,
            Layer::Tls { http2, server_name } => {
                let client = if http2 { client.clone().http2() } else { client.clone() };
                let client = match server_name {
                    ServerName::Same => client,
                    ServerName::Upper => client.sni(Some(&self.host.to_uppercase())),
                    ServerName::Absent => client.sni(None),
                    ServerName::Other => client.sni(Some(other(self.host))),
                };
                client.tunnel(&self.authority()).await
            }
        };
        opened.unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    /// Says all words on one connection; gives those of `paths` that must have arrived.
    async fn walk(&self, client: &Client, paths: &str) -> (usize, Vec<String>) {
        let tunnel = self.open(client).await;
        let (mut said, mut arrived) = (0, Vec::new());
        for words in self.words() {
            let path = format!("/{paths}/{said}");
            said += 1;
            let mut request = tunnel.get(&format!("{}://{}{path}", self.scheme(), self.authority()));
            request = request.header(KEY.0, KEY.1);
            if let Some(authority) = &words.authority {
                request = request.authority(authority);
            }
            if let Some(host) = &words.host {
                request = request.host_header(host);
            }
            let permitted = words.agree && self.listed() && self.server_name_agrees();
            let status = request.send().await.map(|answer| answer.status);
            let expected = if permitted { 200 } else { 403 };
            assert!(status.as_ref().is_ok_and(|status| *status == expected), "{self:?} {words:?}: {status:?}");
            arrived.extend(permitted.then_some(path));
        }
        (said, arrived)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_two_thousand_combinations_only_agreement_on_a_listed_destination_moves_a_value() {
    let canary = Canary::new();
    let tls = |name| Origin::start(&[name]);
    let [good, good_8443, good_9443, evil] = [tls(GOOD), tls(GOOD), tls(GOOD), tls(EVIL)];
    let [plain, evil_plain] = [PlainOrigin::start(), PlainOrigin::start()];
    let mut builder = Proxy::builder().secret("API_KEY", &canary, LISTED).origin(&format!("{GOOD}:443"), &good);
    builder = builder.origin(&format!("{GOOD}:8443"), &good_8443).origin(&format!("{GOOD}:9443"), &good_9443);
    builder = builder.origin(&format!("{GOOD}:80"), &plain).origin(&format!("{EVIL}:80"), &evil_plain);
    for port in [443, 8443, 9443] {
        builder = builder.origin(&format!("{EVIL}:{port}"), &evil);
    }
    let proxy = builder.start();
    let mut walkers = JoinSet::new();
    let ways: Vec<_> = ways().into_iter().enumerate().collect();
    for share in ways.chunks(ways.len().div_ceil(8)) {
        let (client, share) = (proxy.client(), share.to_vec());
        walkers.spawn(async move {
            let mut walked = Vec::new();
            for (number, way) in share {
                let paths = format!("{}/{number}", way.port);
                walked.push(way.walk(&client, &paths).await);
            }
            walked
        });
    }
    let walked = walkers.join_all().await.concat();
    let said: usize = walked.iter().map(|(said, _)| said).sum();
    let expected: BTreeSet<String> = walked.into_iter().flat_map(|(_, arrived)| arrived).collect();
    assert!(said >= 2_000 && expected.len() > 100, "{said} combinations, {} that arrive", expected.len());
    for (origin, port) in [(&good, 443), (&good_8443, 8443), (&plain, 80)] {
        let requests = origin.requests();
        let filled = requests.iter().all(|request| request.header(KEY.0) == Some(canary.bytes()));
        let paths: BTreeSet<String> = requests.iter().map(|request| request.path.clone()).collect();
        let mine: BTreeSet<_> =
            expected.iter().filter(|path| path.starts_with(&format!("/{port}/"))).cloned().collect();
        assert!(filled && requests.len() == mine.len() && paths == mine, "port {port}");
    }
    let idle = [&good_9443, &evil, &evil_plain];
    assert!(idle.iter().all(|origin| origin.connections() + origin.failed_handshakes() == 0));
}
