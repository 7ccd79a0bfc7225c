//! No byte of a request is written to a server that has not proven to be the destination, by every
//! rule that the interception papers grade.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncWriteExt as _;

use crate::support::listen::{Accepted, Listening};
use crate::support::origin::{ANY_PORT, Upstream};
use crate::support::record::Records;
use crate::support::tls::provider;
use crate::support::wire::read_until;
use crate::support::{Canary, Origin, Proxy, ProxyBuilder};

const BAD_GATEWAY: &str = "502 Bad Gateway\n\nThe upstream server could not be reached or verified.\n";

/// A server with certificates of the test's making, that answers any request.
struct Server {
    listening: Listening,
    records: Records,
    root: Option<String>,
}

impl Server {
    fn start(chain: Vec<CertificateDer<'static>>, key: &KeyPair, root: Option<String>) -> Self {
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_no_client_auth().with_single_cert(chain, key).expect("its key");
        let records = Records::default();
        let listening =
            Listening::start(ANY_PORT, Some(Arc::new(config)), &records, |mut accepted: Accepted| async move {
                if read_until(&mut accepted.stream, b"\r\n\r\n").await.is_ok() {
                    let _ = accepted.stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
                    let _ = accepted.stream.shutdown().await;
                }
            });
        Self { listening, records, root }
    }
}

impl Upstream for Server {
    fn address(&self) -> SocketAddr {
        self.listening.address
    }

    fn ca_pem(&self) -> Option<&str> {
        self.root.as_deref()
    }

    fn default_port(&self) -> u16 {
        443
    }
}

/// What a chain is made of. As it comes from [`Chain::good`], it is to be accepted.
struct Chain {
    root: CertificateParams,
    /// Between root and leaf, from the root down.
    between: Vec<CertificateParams>,
    leaf: CertificateParams,
    trusted: bool,
    self_signed: bool,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn only_below(name: &str) -> NameConstraints {
    let permitted_subtrees = vec![GeneralSubtree::DnsName(name.to_owned())];
    NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() }
}

fn never_below(name: &str) -> NameConstraints {
    let excluded_subtrees = vec![GeneralSubtree::DnsName(name.to_owned())];
    NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees }
}

impl Chain {
    fn good(host: &str) -> Self {
        let mut leaf = CertificateParams::new([host.to_owned()]).expect("a name");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let between = vec![authority(&format!("between for {host}"))];
        Self { root: authority(&format!("root for {host}")), between, leaf, trusted: true, self_signed: false }
    }

    fn name(&mut self, name: &str) {
        self.leaf.subject_alt_names = CertificateParams::new([name.to_owned()]).expect("a name").subject_alt_names;
    }

    fn serve(self) -> Server {
        let (root_key, leaf_key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
        let root = self.root.self_signed(&root_key).expect("signed").pem();
        let mut issuer = Issuer::new(self.root, root_key);
        let mut chain = Vec::new();
        for params in self.between {
            let key = KeyPair::generate().expect("a key");
            chain.insert(0, params.signed_by(&key, &issuer).expect("signed").der().clone());
            issuer = Issuer::new(params, key);
        }
        let leaf =
            if self.self_signed { self.leaf.self_signed(&leaf_key) } else { self.leaf.signed_by(&leaf_key, &issuer) };
        chain.insert(0, leaf.expect("signed").der().clone());
        Server::start(chain, &leaf_key, self.trusted.then_some(root))
    }
}

type Spoil = fn(&mut Chain);

/// The host, a word of the reason that is recorded, and what is wrong with its chain.
const BAD: [(&str, &str, Spoil); 19] = [
    ("expired.example.test", "has expired", |chain| chain.leaf.not_after = date_time_ymd(2024, 1, 1)),
    ("not-yet-valid.example.test", "not valid yet", |chain| chain.leaf.not_before = date_time_ymd(2999, 1, 1)),
    ("issuer-expired.example.test", "has expired", |chain| {
        chain.between[0].not_after = date_time_ymd(2024, 1, 1);
    }),
    ("self-signed.example.test", "not trusted", |chain| chain.self_signed = true),
    ("wrong-name.example.test", "for another name", |chain| chain.name("right-name.example.test")),
    ("address-for-name.example.test", "for another name", |chain| chain.name("127.0.0.1")),
    ("unknown-root.example.test", "not trusted", |chain| chain.trusted = false),
    ("cn-only.example.test", "for another name", |chain| {
        chain.leaf.subject_alt_names.clear();
        chain.leaf.distinguished_name.push(DnType::CommonName, "cn-only.example.test");
    }),
    ("client-only.example.test", "not one for servers", |chain| {
        chain.leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    }),
    ("issuer-client-only.example.test", "not one for servers", |chain| {
        chain.between[0].extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    }),
    ("issuer-is-no-ca.example.test", "EndEntityUsedAsCa", |chain| chain.between[0].is_ca = IsCa::ExplicitNoCa),
    ("issuer-does-not-say.example.test", "EndEntityUsedAsCa", |chain| chain.between[0].is_ca = IsCa::NoCa),
    ("leaf-is-ca.example.test", "a root as its own certificate", |chain| {
        chain.leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }),
    ("constrained.example.test", "NameConstraintViolation", |chain| {
        chain.between[0].name_constraints = Some(only_below("other.test"));
    }),
    ("excluded.example.test", "NameConstraintViolation", |chain| {
        chain.between[0].name_constraints = Some(never_below("example.test"));
    }),
    ("root-constrained.example.test", "NameConstraintViolation", |chain| {
        chain.root.name_constraints = Some(only_below("other.test"));
    }),
    ("too-long.example.test", "PathLenConstraintViolated", |chain| {
        chain.between[0].is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        chain.between.push(authority("one too many"));
    }),
    ("a.depth.example.test", "for another name", |chain| chain.name("*.example.test")),
    ("part.example.test", "for another name", |chain| chain.name("pa*.example.test")),
];

/// Asks for every host, and gives the statuses; what fails must be constant, and recorded.
pub(crate) async fn ask(proxy: &Proxy, hosts: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for host in hosts {
        let request = proxy.client().get(&format!("https://{host}/")).header("x-api-key", "{{API_KEY}}");
        let answer = request.send().await.expect("answered");
        if answer.status >= 500 {
            let fields: Vec<&str> = answer.headers.keys().map(|name| name.as_str()).collect();
            assert_eq!(
                (fields, answer.text().as_str()),
                (vec!["content-type", "content-length"], BAD_GATEWAY),
                "{host}"
            );
        }
        statuses.push(answer.status);
    }
    let records = proxy.audit_lines();
    let told = |line: &&serde_json::Value| line["outcome"] == "not_sent" && line["reason"].is_string();
    let failed = statuses.iter().filter(|status| **status == 502).count();
    assert_eq!((records.len(), records.iter().filter(told).count()), (hosts.len() + failed, failed), "{records:?}");
    statuses
}

/// A request that failed for another reason would prove nothing.
pub(crate) fn assert_reasons<const N: usize>(proxy: &Proxy, cases: [(&str, &str); N]) {
    let records: Vec<_> = proxy.audit_lines().into_iter().filter(|line| line["outcome"] == "not_sent").collect();
    assert_eq!(records.len(), N);
    for ((name, word), record) in cases.into_iter().zip(records) {
        assert!(record["reason"].as_str().is_some_and(|reason| reason.contains(word)), "{name}: {record}");
    }
}

pub(crate) fn builder(canary: &Canary) -> ProxyBuilder {
    Proxy::builder().secret("API_KEY", canary, "*.example.test")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_is_wrong_in_one_thing_gets_nothing() {
    let canary = Canary::new();
    let spoilt = |(host, _, spoil): &(&'static str, &str, Spoil)| {
        let mut chain = Chain::good(host);
        spoil(&mut chain);
        (*host, chain.serve())
    };
    let bad: Vec<_> = BAD.iter().map(spoilt).collect();
    let mut good = vec![("plain.example.test", Chain::good("plain.example.test"))];
    good.push(("a.wild.example.test", Chain::good("*.wild.example.test")));
    let mut kept = Chain::good("kept.example.test");
    kept.between[0].name_constraints = Some(only_below("example.test"));
    good.push(("kept.example.test", kept));
    let good: Vec<_> = good.into_iter().map(|(host, chain)| (host, chain.serve())).collect();
    let mut builder = builder(&canary);
    for (host, server) in bad.iter().chain(&good) {
        builder = builder.origin(host, server);
    }
    let proxy = builder.start();
    let hosts: Vec<&str> = good.iter().chain(&bad).map(|(host, _)| *host).collect();
    let statuses = ask(&proxy, &hosts).await;
    assert_eq!(statuses, [[204; 3].as_slice(), &[502; BAD.len()]].concat());
    assert_reasons(&proxy, BAD.map(|(host, word, _)| (host, word)));
    assert!(bad.iter().all(|(_, server)| server.records.received().concat().is_empty()));
    assert!(good.iter().all(|(_, server)| server.records.find(&canary).is_some()));
}

/// Whoever has the key of our CA could else stand between us and any host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_authority_vouches_for_no_upstream_even_when_it_is_named_as_one() {
    let canary = Canary::new();
    let first = Proxy::builder().start();
    let ca = first.dir().join("ca");
    let read = |name| fs::read_to_string(ca.join(name)).expect("made");
    let (root, key) = (read("ca-cert.pem"), KeyPair::from_pem(&read("ca-key.pem")).expect("a key"));
    let issuer = Issuer::from_ca_cert_pem(&root, key).expect("an issuer");
    for named in [false, true] {
        let leaf_key = KeyPair::generate().expect("a key");
        let leaf = Chain::good("own.example.test").leaf.signed_by(&leaf_key, &issuer).expect("signed");
        let server = Server::start(vec![leaf.der().clone()], &leaf_key, named.then(|| root.clone()));
        let (ca, other) = (ca.clone(), Origin::start(&["other.example.test"]));
        let builder = builder(&canary).origin("own.example.test", &server).origin("other.example.test", &other);
        let proxy = builder.prepare(move |dir| copy_ca(&ca, dir)).start();
        assert_eq!(proxy.ca_pem(), root, "the same authority");
        assert_eq!(ask(&proxy, &["own.example.test", "other.example.test"]).await, [502, 200], "named: {named}");
        assert!(server.records.received().concat().is_empty());
    }
}

fn copy_ca(from: &Path, dir: &Path) {
    fs::DirBuilder::new().mode(0o700).create(dir.join("ca")).expect("made");
    for entry in fs::read_dir(from).expect("read").flatten() {
        let to = dir.join("ca").join(entry.file_name());
        fs::copy(entry.path(), &to).expect("copied");
        fs::set_permissions(to, fs::Permissions::from_mode(0o600)).expect("set");
    }
}
