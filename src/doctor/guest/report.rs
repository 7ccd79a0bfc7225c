//! The report of a script in the VM, line by line.

use std::collections::{BTreeMap, BTreeSet};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// Where programs look for a proxy.
pub(super) const PROXIES: [&str; 4] = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"];
/// Where the tunnel brings it, if no variable says otherwise.
const PORT: u16 = 17_329;

/// Says the variables of a login, and the certificates that programs trust. Without a single quote, because
/// it stands in two of them. What a profile prints is before the first mark.
pub(super) const SCRIPT: &str = r#"
echo "secret-proxy-doctor begin"
echo "secret-proxy-doctor time $(date +%s)"
test -e /etc/NIXOS && echo "secret-proxy-doctor nixos"
for name in http_proxy https_proxy HTTP_PROXY HTTPS_PROXY; do
  echo "secret-proxy-doctor variable $name=$(printenv $name)"
done
said=:
file() {
  case "$said" in *":$1:"*) return ;; esac
  said="$said$1:"
  echo "secret-proxy-doctor file $1"
  cat "$1" 2>/dev/null
  echo
}
for name in SSL_CERT_FILE NIX_SSL_CERT_FILE CURL_CA_BUNDLE GIT_SSL_CAINFO REQUESTS_CA_BUNDLE AWS_CA_BUNDLE NODE_EXTRA_CA_CERTS DENO_CERT; do
  path=$(printenv $name)
  test -n "$path" && echo "secret-proxy-doctor variable $name=$path" && file "$path"
done
if test -z "$SSL_CERT_FILE"; then
  for path in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
    test -e "$path" && file "$path" && break
  done
fi
echo "secret-proxy-doctor end"
"#;

const MARK: &str = "secret-proxy-doctor ";

/// What it said.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Seconds since 1970.
    pub(super) time: Option<i64>,
    pub(super) is_nixos: bool,
    variables: BTreeMap<String, String>,
    /// Fingerprints of the certificates in each file that is trusted.
    files: BTreeMap<String, BTreeSet<String>>,
}

impl Report {
    /// None unless it is there to its end.
    pub(super) fn read(output: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(output);
        let begin = text.find(&format!("{MARK}begin\n"))?;
        let mut report = Self::default();
        for part in text.get(begin..)?.split(MARK).skip(1) {
            let (line, rest) = part.split_once('\n')?;
            let (kind, told) = line.split_once(' ').unwrap_or((line, ""));
            match kind {
                "time" => report.time = told.trim().parse().ok(),
                "nixos" => report.is_nixos = true,
                "variable" => report.variable(told),
                "file" => drop(report.files.insert(told.to_owned(), prints(rest))),
                "end" => return Some(report),
                _ => {}
            }
        }
        None
    }

    fn variable(&mut self, told: &str) {
        if let Some((name, value)) = told.split_once('=').filter(|(_, value)| !value.is_empty()) {
            self.variables.insert(name.to_owned(), value.to_owned());
        }
    }

    pub(super) fn has_variable(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// Where its programs expect the proxy, on its own loopback.
    pub(super) fn port(&self) -> u16 {
        PROXIES.iter().find_map(|name| loopback_port(self.variables.get(*name)?)).unwrap_or(PORT)
    }

    pub(super) fn leads_to_port(&self, name: &str, port: u16) -> bool {
        self.variables.get(name).is_some_and(|value| loopback_port(value) == Some(port))
    }

    /// Files that programs take their roots from.
    pub(super) fn files(&self) -> impl Iterator<Item = &String> {
        self.files.keys()
    }

    /// Such files without this root; what stands for them if there are none.
    pub(super) fn without(&self, print: &str) -> Vec<String> {
        if self.files.is_empty() {
            return vec!["any file of roots".to_owned()];
        }
        let without = self.files.iter().filter(|(_, prints)| !prints.contains(print));
        without.map(|(path, _)| path.clone()).collect()
    }

    /// Roots that are in all of them.
    pub(super) fn trusted_everywhere(&self) -> BTreeSet<&String> {
        let mut files = self.files.values();
        let first: BTreeSet<&String> = files.next().into_iter().flatten().collect();
        files.fold(first, |common, prints| common.into_iter().filter(|print| prints.contains(*print)).collect())
    }
}

fn prints(pem: &str) -> BTreeSet<String> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).flatten();
    certificates.map(|der| actors::fingerprint(&der)).collect()
}

/// The port of `http://127.0.0.1:17329`, however it is spelled.
fn loopback_port(value: &str) -> Option<u16> {
    let rest = value.strip_prefix("http://").unwrap_or(value).trim_end_matches('/');
    let (host, port) = rest.rsplit_once(':')?;
    matches!(host, "127.0.0.1" | "localhost" | "[::1]").then(|| port.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(lines: &str) -> Option<Report> {
        let marked: Vec<String> = lines.lines().map(|line| format!("{MARK}{line}\n")).collect();
        Report::read(format!("motd: welcome\n{}", marked.concat()).as_bytes())
    }

    #[test]
    fn what_a_guest_says_is_read_to_its_end_or_not_at_all() {
        let said = report("begin\ntime 1700000000\nvariable http_proxy=http://127.0.0.1:8080/\nend").expect("whole");
        assert_eq!((said.time, said.port(), said.is_nixos), (Some(1_700_000_000), 8080, false));
        assert!(said.leads_to_port("http_proxy", 8080) && !said.leads_to_port("HTTP_PROXY", 8080));
        assert_eq!(said.without("AA"), ["any file of roots"]);
        for half in ["", "time 1", "begin\ntime 1\nfile /a"] {
            assert!(report(half).is_none(), "{half}");
        }
    }

    #[test]
    fn only_loopback_counts() {
        for (value, port) in [
            ("http://127.0.0.1:17329", Some(17_329)),
            ("localhost:17329", Some(17_329)),
            ("http://[::1]:1/", Some(1)),
            ("http://user:word@proxy.example:3128", None),
            ("http://127.0.0.1", None),
            ("http://127.0.0.1:99999", None),
        ] {
            assert_eq!(loopback_port(value), port, "{value}");
        }
    }

    #[test]
    fn the_script_can_stand_in_quotes() {
        assert!(!SCRIPT.contains('\''));
    }
}
