//! A `_HOSTS` line, and what it allows. ASCII only: turning Unicode into ASCII has no second reading here.

use crate::authority;

/// Where a request goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// The host as [`authority::host`] gives it.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Place {
    /// What a text without a port means under a scheme.
    pub fn named(text: &str, tls: bool) -> Option<Self> {
        let (host, port) = authority::parse(text)?;
        Some(Self { tls, host, port: port.unwrap_or(if tls { 443 } else { 80 }) })
    }
}

impl std::fmt::Display for Place {
    /// As a `_HOSTS` line would write it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tls, host, port } = self;
        match (tls, port) {
            (true, 443) => write!(f, "{host}"),
            (true, _) => write!(f, "{host}:{port}"),
            (false, 80) => write!(f, "http://{host}"),
            (false, _) => write!(f, "http://{host}:{port}"),
        }
    }
}

/// One entry of a `_HOSTS` line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Whether it starts with `*.`.
    pub wildcard: bool,
    /// What it names, without the `*.`.
    pub place: Place,
}

impl Entry {
    /// Whether the entry allows this place.
    pub fn allows(&self, place: &Place) -> bool {
        if !self.wildcard {
            return self.place == *place;
        }
        let suffix = format!(".{}", self.place.host);
        let under = place.host.len() > suffix.len() && place.host.ends_with(&suffix);
        under && place.tls && place.port == self.place.port && !authority::is_address(&place.host)
    }

    /// A place that the entry allows.
    pub fn example(&self) -> Place {
        let host = if self.wildcard { format!("a.{}", self.place.host) } else { self.place.host.clone() };
        Place { host, ..self.place.clone() }
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.wildcard { "*." } else { "" }, self.place)
    }
}

/// All entries; `None` if one of them is not well-formed.
pub fn parse(text: &str) -> Option<Vec<Entry>> {
    text.split(',').map(|entry| parse_entry(entry.trim_matches([' ', '\t', '\r', '\n', '\u{b}', '\u{c}']))).collect()
}

fn parse_entry(text: &str) -> Option<Entry> {
    let named = text.strip_prefix("http://").or_else(|| text.strip_prefix("*.")).unwrap_or(text);
    if !authority::may_be_listed(named) {
        return None;
    }
    if let Some(cleartext) = text.strip_prefix("http://") {
        return Some(Entry { wildcard: false, place: Place::named(cleartext, false)? });
    }
    let Some(suffix) = text.strip_prefix("*.") else {
        return Some(Entry { wildcard: false, place: Place::named(text, true)? });
    };
    let place = Place::named(suffix, true)?;
    let wide = authority::is_address(&place.host) || !place.host.contains('.');
    (!wide).then_some(Entry { wildcard: true, place })
}
