//! The variables of each family of programs, and the needs of the other programs.

use super::quote::{self, Shell};

/// Hosts that are reached without the proxy, as the NixOS module has them.
const NO_PROXY: &str = "localhost,127.0.0.1,::1,host.lima.internal";

/// What a system trusts, where Debian and NixOS join it, and where the proxy's own certificate then is:
/// after `update-ca-certificates`, and by the NixOS module.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
const OURS_ON_DEBIAN: &str = "/usr/local/share/ca-certificates/secret-proxy.crt";
const OURS_ON_NIXOS: &str = "/etc/secret-proxy/ca.pem";

/// Programs that read these trust what the file holds and nothing else.
const TRUST_THIS: [(&str, &[&str]); 7] = [
    ("OpenSSL, Go, Python, Rust, Ruby", &["SSL_CERT_FILE"]),
    ("Nix and its packages", &["NIX_SSL_CERT_FILE"]),
    ("curl and git", &["CURL_CA_BUNDLE", "GIT_SSL_CAINFO"]),
    ("Python's requests and pip", &["REQUESTS_CA_BUNDLE", "PIP_CERT"]),
    ("AWS", &["AWS_CA_BUNDLE"]),
    ("cargo", &["CARGO_HTTP_CAINFO"]),
    ("gRPC", &["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"]),
];

/// Programs that read these trust what the file holds besides their own list.
const TRUST_THIS_TOO: [(&str, &[&str]); 2] = [("Node", &["NODE_EXTRA_CA_CERTS"]), ("Deno", &["DENO_CERT"])];

/// The VM, as its programs see it.
pub(super) struct Client<'a> {
    pub(super) port: u16,
    pub(super) ca: Option<&'a str>,
    pub(super) shell: Shell,
}

pub(super) enum Line {
    Set(&'static str, String),
    Comment(String),
}

impl Client<'_> {
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut lines = self.proxy();
        lines.extend(self.warning());
        lines.extend(trust(&TRUST_THIS, self.ca.unwrap_or(BUNDLE)));
        lines.extend(trust(&TRUST_THIS_TOO, self.ours()));
        lines.extend(self.hints());
        lines
    }

    /// Programs differ in which case of letters they read.
    fn proxy(&self) -> Vec<Line> {
        let proxy = format!("http://127.0.0.1:{}", self.port);
        let set = |name, value: &str| Line::Set(name, value.to_owned());
        vec![
            set("http_proxy", &proxy),
            set("https_proxy", &proxy),
            set("no_proxy", NO_PROXY),
            set("HTTP_PROXY", &proxy),
            set("HTTPS_PROXY", &proxy),
            set("NO_PROXY", NO_PROXY),
            Line::Comment("Node's own fetch, which looks at none of them otherwise; from version 24 on".to_owned()),
            set("NODE_USE_ENV_PROXY", "1"),
        ]
    }

    /// With `--ca`, the file takes the place of the system's certificates. Only tunnels that are not intercepted need
    /// those: their servers present their own certificates.
    fn warning(&self) -> Vec<Line> {
        let Some(ca) = self.ca else { return Vec::new() };
        let ca = quote::word(ca);
        let warning = [
            "These programs trust this file instead of the system's certificates. They refuse hosts of --passthrough, and".to_owned(),
            "hosts that --intercept listed leaves out, unless the file holds the system's certificates, too. To join them:".to_owned(),
            format!("  cat {BUNDLE} {ca} > joined.pem"),
        ];
        warning.into_iter().map(Line::Comment).collect()
    }

    /// A file with the proxy's certificate.
    fn ours(&self) -> &str {
        let installed = if self.shell == Shell::Nix { OURS_ON_NIXOS } else { OURS_ON_DEBIAN };
        self.ca.unwrap_or(installed)
    }

    /// Commands for those that read no variable. They are in the words of sh, whoever reads the rest.
    fn hints(&self) -> Vec<Line> {
        let (ca, port) = (quote::word(self.ours()), self.port);
        let java = |scheme| format!("-D{scheme}.proxyHost=127.0.0.1 -D{scheme}.proxyPort={port}");
        let trust = "-Djavax.net.ssl.trustStorePassword=changeit -Djavax.net.ssl.trustStore=$HOME/secret-proxy.p12";
        let hints = [
            "Java reads none of these. Once, and then for each run:".to_owned(),
            format!(
                "  keytool -importcert -noprompt -alias secret-proxy -file {ca} -keystore ~/secret-proxy.p12 -storepass changeit"
            ),
            format!("  export JAVA_TOOL_OPTIONS=\"{} {} {trust}\"", java("http"), java("https")),
            "Chromium has a list of its own:".to_owned(),
            "  mkdir -p ~/.pki/nssdb".to_owned(),
            format!("  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n secret-proxy -i {ca}"),
            "Debian's wget, where the system does not have the certificate:".to_owned(),
            format!("  echo ca_certificate = {ca} >> ~/.wgetrc"),
        ];
        hints.into_iter().map(Line::Comment).collect()
    }
}

fn trust(families: &[(&str, &[&'static str])], file: &str) -> Vec<Line> {
    let family = |(who, names): &(&str, &[&'static str])| {
        let set = names.iter().map(|name| Line::Set(name, file.to_owned()));
        [Line::Comment((*who).to_owned())].into_iter().chain(set).collect::<Vec<_>>()
    };
    families.iter().flat_map(family).collect()
}
