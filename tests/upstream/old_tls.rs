//! Certificates and protocols that no verifier should accept any more get no byte of a request.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::tls::{ask, assert_reasons, builder};
use crate::support::Canary;
use crate::support::origin::Upstream;

/// `openssl s_server`, for what the other libraries refuse to be.
struct OpenSsl {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
    root: String,
}

impl OpenSsl {
    fn run(folder: &Path, arguments: &str) {
        let mut command = Command::new("openssl");
        command.current_dir(folder).env("OPENSSL_CONF", "/dev/null").args(arguments.split(' '));
        let output = command.output().expect("openssl runs");
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// `issue` makes the leaf's key and signature, `serve` is for the server.
    fn start(folder: &Path, host: &str, issue: &str, serve: &str) -> Self {
        let csr = format!("req -new -nodes -keyout {host}.key -out {host}.csr -subj /CN={host} -newkey");
        let (newkey, digest) = issue.split_once(' ').expect("a key and a digest");
        Self::run(folder, &format!("{csr} {newkey}"));
        fs::write(folder.join(format!("{host}.ext")), format!("subjectAltName=DNS:{host}\n")).expect("written");
        let sign = format!("x509 -req -in {host}.csr -CA root.pem -CAkey root.key -CAcreateserial -days 2 {digest}");
        Self::run(folder, &format!("{sign} -extfile {host}.ext -out {host}.pem"));
        let mut command = Command::new("openssl");
        command.current_dir(folder).env("OPENSSL_CONF", "/dev/null").stdin(Stdio::piped()).stdout(Stdio::piped());
        let serve = format!("s_server -accept 127.0.0.1:0 -cert {host}.pem -key {host}.key {serve}");
        let mut child = command.stderr(Stdio::null()).args(serve.split(' ')).spawn().expect("openssl runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        while !line.starts_with("ACCEPT ") {
            line.clear();
            assert_ne!(stdout.read_line(&mut line).expect("read"), 0, "{host}: the server did not come up");
        }
        let address = line["ACCEPT ".len()..].trim().parse().expect("an address");
        let root = fs::read_to_string(folder.join("root.pem")).expect("made");
        Self { child, stdout, address, root }
    }

    /// What it received, decrypted, among its own words.
    fn end(mut self) -> String {
        let _ = self.child.kill();
        let mut text = Vec::new();
        let _ = self.stdout.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Upstream for OpenSsl {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn ca_pem(&self) -> Option<&str> {
        Some(&self.root)
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The host's first label, its certificate, its server, and a word of the reason that is recorded.
const OLD: [(&str, &str, &str, &str); 8] = [
    ("sha1", "rsa:2048 -sha1", "-cipher ALL:@SECLEVEL=0", "UnsupportedSignatureAlgorithm"),
    ("rsa1024", "rsa:1024 -sha256", "-cipher ALL:@SECLEVEL=0", "BadSignature"),
    ("tls10", "rsa:2048 -sha256", "-tls1 -cipher ALL:@SECLEVEL=0", "ProtocolVersion"),
    ("tls11", "rsa:2048 -sha256", "-tls1_1 -cipher ALL:@SECLEVEL=0", "ProtocolVersion"),
    ("cbc", "rsa:2048 -sha256", "-tls1_2 -cipher ECDHE-RSA-AES128-SHA256", "HandshakeFailure"),
    ("cbc-sha1", "rsa:2048 -sha256", "-tls1_2 -cipher ECDHE-RSA-AES128-SHA", "HandshakeFailure"),
    ("rsa-key-exchange", "rsa:2048 -sha256", "-tls1_2 -cipher AES128-GCM-SHA256", "HandshakeFailure"),
    ("finite-field", "rsa:2048 -sha256", "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256", "HandshakeFailure"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weak_certificates_and_old_protocols_get_nothing() {
    let (canary, folder) = (Canary::new(), tempfile::tempdir().expect("a folder"));
    let root = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -days 2 \
                -subj /CN=root -addext keyUsage=keyCertSign";
    OpenSsl::run(folder.path(), root);
    let start = |name: &str, issue, serve| OpenSsl::start(folder.path(), &format!("{name}.example.test"), issue, serve);
    let good = [("tls12", "-www -tls1_2"), ("tls13", "-www -tls1_3")];
    let good = good.map(|(name, serve)| (name, start(name, "rsa:2048 -sha256", serve)));
    let old = OLD.map(|(name, issue, serve, _)| (name, start(name, issue, serve)));
    let mut builder = builder(&canary);
    for (name, server) in good.iter().chain(&old) {
        builder = builder.origin(&format!("{name}.example.test"), server);
    }
    let proxy = builder.start();
    let hosts = good.iter().chain(&old).map(|(name, _)| format!("{name}.example.test"));
    let hosts: Vec<String> = hosts.collect();
    let statuses = ask(&proxy, &hosts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_reasons(&proxy, OLD.map(|(name, _, _, word)| (name, word)));
    assert_eq!(statuses, [[200; 2].as_slice(), &[502; OLD.len()]].concat());
    for (name, server) in old {
        let received = server.end();
        assert!(!received.contains("HTTP/1.1") && !received.contains("x-api-key"), "{name}: {received}");
    }
}
