//! Clients get TLS that strict ones accept; what a hostile one says in it, or leaves out, harms nobody.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::support::{Canary, Client, Origin, Proxy, eventually};

const HOST: &str = "api.example.test";
const TARGET: &str = "api.example.test:443";

struct Stage {
    canary: Canary,
    origin: Origin,
    proxy: Proxy,
}

fn stage() -> Stage {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    Stage { canary, origin, proxy }
}

impl Stage {
    /// The status that `openssl s_client` gets for a request with a placeholder; 0 if TLS comes to nothing.
    fn s_client(&self, words: &str, server_name: Option<&[u8]>) -> u16 {
        let mut request = tempfile::tempfile().expect("a file");
        let text = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nx-api-key: {{{{API_KEY}}}}\r\nConnection: close\r\n\r\n");
        request.write_all(text.as_bytes()).expect("written");
        std::io::Seek::rewind(&mut request).expect("rewound");
        let mut command = self.proxy.program("openssl");
        command.env("OPENSSL_CONF", "/dev/null").stdin(request);
        command.args(["s_client", "-quiet", "-connect", TARGET, "-proxy", &self.proxy.addr().to_string()]);
        command.args(["-verify_return_error", "-verify_hostname", HOST, "-CAfile"]).arg(self.proxy.ca_path());
        command.args(words.split_terminator(' '));
        match server_name {
            Some(name) => command.arg("-servername").arg(OsStr::from_bytes(name)),
            None => command.arg("-noservername"),
        };
        let output = command.output().expect("openssl runs");
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!answer.contains(self.canary.value()), "the origin reflects nothing");
        answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0)
    }

    async fn assert_serves(&self, case: &str) {
        assert_eq!(status(&self.proxy.client()).await, 200, "after {case}");
    }
}

async fn status(client: &Client) -> u16 {
    let request = client.get("https://api.example.test/").header("x-api-key", "{{API_KEY}}");
    request.send().await.expect("answered").status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_protocols_and_sound_suites_are_spoken_and_old_ones_are_not() {
    let stage = stage();
    let table = [
        ("-tls1_3", 200),
        ("-tls1_2", 200),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", 200),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0", 0),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", 0),
        ("-tls1_2 -cipher AES128-GCM-SHA256:@SECLEVEL=0", 0),
        ("-tls1_2 -cipher aNULL:eNULL:@SECLEVEL=0", 0),
        ("-tls1_1 -cipher ALL:@SECLEVEL=0", 0),
        ("-tls1 -cipher ALL:@SECLEVEL=0", 0),
    ];
    for (words, expected) in table {
        assert_eq!(stage.s_client(words, Some(HOST.as_bytes())), expected, "{words}");
    }
    assert_eq!(stage.origin.requests().len(), 3);
}

impl Stage {
    /// The server name, and the status of a request behind it.
    async fn assert_named(&self, table: &[(&[u8], u16)]) {
        let mut found = Vec::new();
        for (name, _) in table {
            let text = name.escape_ascii().to_string();
            found.push((text.clone(), self.s_client("", Some(name))));
            self.assert_serves(&text).await;
        }
        let expected = table.iter().map(|(name, status)| (name.escape_ascii().to_string(), *status));
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
}

/// What is no name at all ends the handshake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_odd_server_name_is_refused_inside_and_harms_nobody() {
    let stage = stage();
    let long = [[b'a'; 62].as_slice(), &[b'b'; 62], &[b'c'; 62], &[b'd'; 61]].join(&b'.');
    let table: [(&[u8], u16); 9] = [
        (HOST.as_bytes(), 200),
        (b"API.Example.TEST", 200),
        (b"api.example.test.", 200),
        (b"other.example.test", 403),
        (b"sub.api.example.test", 403),
        (b"example.test", 403),
        (&long, 403),
        (b"\xc3\xa4pi.example.test", 0),
        (b"api.example.test\xff", 0),
    ];
    assert_eq!(long.len(), 250);
    stage.assert_named(&table).await;
    assert_eq!(stage.s_client("", None), 200, "no server name at all");
}

/// An address is no server name (RFC 6066, section 3) and the TLS library drops it: it counts as none,
/// and the destination is the tunnel's all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_as_server_name_counts_as_none() {
    stage().assert_named(&[(b"127.0.0.1", 200), (b"192.0.2.7", 200), (b"::1", 200), (b"2001:db8::1", 200)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_are_offered_and_an_unknown_one_alone_gets_http_1() {
    let stage = stage();
    let table: [(&[&'static str], Option<&str>); 6] = [
        (&["h2"], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&["http/1.1", "h2"], Some("h2")),
        (&["spdy/9", "http/1.1"], Some("http/1.1")),
        (&[], Some("")),
        (&["spdy/9"], Some("")),
    ];
    for (offered, expected) in table {
        let client = stage.proxy.client().alpn(offered);
        let tunnel = client.tunnel(TARGET).await.ok();
        let settled = tunnel.as_ref().map(|tunnel| tunnel.tls().expect("TLS").alpn.clone().unwrap_or_default());
        assert_eq!(settled, expected.map(Vec::from), "{offered:?}");
        if let Some(tunnel) = &tunnel {
            let answer = tunnel.get("https://api.example.test/").header("x-api-key", "{{API_KEY}}").send().await;
            assert_eq!(answer.expect("answered").status, 200, "{offered:?}");
        }
    }
    stage.assert_serves("an unknown protocol").await;
}

const STRICT: &str = r"
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
context.verify_flags |= ssl.VERIFY_X509_STRICT
for target in sys.argv[3:]:
    connection = socket.create_connection(('127.0.0.1', int(sys.argv[2])))
    connection.sendall(f'CONNECT {target}:443 HTTP/1.1\r\nHost: {target}:443\r\n\r\n'.encode())
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        head += connection.recv(1)
    with context.wrap_socket(connection, server_hostname=target.strip('[]')) as stream:
        print(stream.getpeercert()['serialNumber'])
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_accepts_the_leaves_in_its_strict_mode() {
    let stage = stage();
    let mut python = stage.proxy.program("python3");
    python.args(["-c", STRICT]).arg(stage.proxy.ca_path()).arg(stage.proxy.addr().port().to_string());
    python.args([HOST, "192.0.2.7", "[2001:db8::1]", "other.example.test"]);
    let output = stage.proxy.run(&mut python);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let serials = String::from_utf8(output.stdout).expect("text");
    let different: HashSet<&str> = serials.lines().collect();
    assert_eq!((serials.lines().count(), different.len()), (4, 4), "{serials}");
}

/// A record that says it is a `ClientHello` of so many bytes, and the beginning of one.
const HALF: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_or_silence_in_a_tunnel_is_cut_off() {
    let stage = stage();
    let nonsense: [&[u8]; 9] = [
        b"",
        HALF,
        b"\x16",
        b"\x16\x03\x01\xff\xff\xff\xff\xff\xff\xff",
        b"\x16\x03\x01\x00\x04\x0e\x00\x00\x00",
        b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\x00",
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    ];
    let mut tunnels = JoinSet::new();
    for bytes in nonsense {
        let client = stage.proxy.client();
        tunnels.spawn(async move {
            let mut tunnel = client.raw_tunnel(TARGET).await.expect("CONNECT is answered");
            tunnel.send(bytes).await.expect("sent");
            (bytes, tunnel.read_rest().await)
        });
    }
    stage.assert_serves("nonsense").await;
    while let Some(ended) = tunnels.join_next().await {
        let (bytes, rest) = ended.expect("no panic");
        let rest = rest.unwrap_or_else(|error| panic!("{}: {error}", bytes.escape_ascii()));
        // A TLS alert, a 400, or nothing.
        let known = rest.is_empty() || rest.starts_with(b"\x15\x03") || rest.starts_with(b"HTTP/1.1 400 ");
        assert!(known, "{}: {}", bytes.escape_ascii(), rest.escape_ascii());
        stage.assert_serves("nonsense").await;
    }
    let nobody = || stage.proxy.status()["sessions"]["active"] == 0;
    eventually(Duration::from_secs(5), "no session is left", nobody);
    assert!(stage.origin.requests().iter().all(|request| request.header("x-api-key") == Some(stage.canary.bytes())));
}
