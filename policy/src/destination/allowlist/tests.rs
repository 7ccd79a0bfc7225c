//! Tables of entries, and of destinations that they allow.

use super::*;

fn https(target: &str) -> Destination {
    Destination::from_connect(target).expect("a destination")
}

#[test]
fn table_of_entries() {
    let yes = [
        ("api.example", "api.example:443"),
        ("API.Example.", "api.example:443"),
        ("api.example:8443", "api.example:8443"),
        ("a.example, b.example ,c.example", "b.example:443"),
        ("*.example.com", "a.example.com:443"),
        ("*.example.com", "a.b.example.com:443"),
        ("*.example.com:8443", "a.example.com:8443"),
        ("[::1]:8443", "[::1]:8443"),
        ("[::1]:8443", "[0:0:0:0:0:0:0:1]:8443"),
        ("a_b.example", "A_B.example:443"),
        ("*.example.com", "a_b.example.com:443"),
        ("*.example.com", "foo-.example.com:443"),
        ("192.0.2.7", "192.0.2.7:443"),
        ("bücher.example", "xn--bcher-kva.example:443"),
    ];
    for (list, target) in yes {
        assert!(Allowlist::parse(list).expect(list).allows(&https(target)), "{list} for {target}");
    }
    let no = [
        ("api.example", "evil.example:443"),
        ("api.example", "api.example:8443"),
        ("api.example", "api.example:80"),
        ("api.example", "xapi.example:443"),
        ("a-b.example", "a_b.example:443"),
        ("api.example", "api.example.evil.com:443"),
        ("api.example:8443", "api.example:443"),
        ("*.example.com", "example.com:443"),
        ("*.example.com", "badexample.com:443"),
        ("*.example.com", "a.example.com:8443"),
        ("http://api.example", "api.example:443"),
        ("http://api.example", "api.example:80"),
    ];
    for (list, target) in no {
        assert!(!Allowlist::parse(list).expect(list).allows(&https(target)), "{list} for {target}");
    }
}

#[test]
fn cleartext_is_allowed_only_when_it_is_written() {
    let clear = https("api.example:80").with_scheme(Scheme::Http);
    assert!(Allowlist::parse("http://api.example").expect("good").allows(&clear));
    assert!(!Allowlist::parse("api.example,api.example:80,*.api.example").expect("good").allows(&clear));
    assert!(Allowlist::parse("http://api.example:8080").expect("good").allows(&Destination { port: 8080, ..clear }));
}

#[test]
fn one_bad_entry_spoils_the_list() {
    use BadAuthority::{Address, Character, Port};

    let table = [
        ("", BadEntry::Empty),
        ("a.example,,b.example", BadEntry::Empty),
        ("*.com", BadEntry::WildcardTooWide),
        ("*.com:8443", BadEntry::WildcardTooWide),
        ("*", BadEntry::WildcardPlace),
        ("*example.com", BadEntry::WildcardPlace),
        ("ex*.com", BadEntry::WildcardPlace),
        ("*.*.com", BadEntry::WildcardPlace),
        ("*.0.0.1", BadEntry::WildcardAddress),
        ("*.192.0.2.7", BadEntry::WildcardAddress),
        ("*.[::1]", BadEntry::WildcardAddress),
        ("https://a.example", BadEntry::Scheme),
        ("ftp://a.example", BadEntry::Scheme),
        ("http://*.example.com", BadEntry::WildcardCleartext),
        ("a.example/path", BadEntry::NotAHost(Character)),
        ("u@a.example", BadEntry::NotAHost(Character)),
        ("a b.example", BadEntry::NotAHost(Character)),
        ("a.example b.example", BadEntry::NotAHost(Character)),
        ("a-.example", BadEntry::NotAHost(BadAuthority::Name)),
        ("-a.example", BadEntry::NotAHost(BadAuthority::Name)),
        ("*.a-.example", BadEntry::NotAHost(BadAuthority::Name)),
        ("[0:0:0:0:0:0:0:1]:8443", BadEntry::NotAHost(Address)),
        ("a..example", BadEntry::NotAHost(BadAuthority::Name)),
        ("a.example..", BadEntry::NotAHost(BadAuthority::Name)),
        ("http://", BadEntry::NotAHost(BadAuthority::EmptyHost)),
        ("127.1", BadEntry::NotAHost(Address)),
        ("0x7f.0.0.1", BadEntry::NotAHost(Address)),
        ("010.0.0.1", BadEntry::NotAHost(Address)),
        ("192.0.2.7.", BadEntry::NotAHost(Address)),
        ("[2001:db8:0::7]", BadEntry::NotAHost(Address)),
        ("::1", BadEntry::NotAHost(Port)),
        ("a.example:0", BadEntry::NotAHost(Port)),
        ("a.example:", BadEntry::NotAHost(Port)),
        ("a.example:65536", BadEntry::NotAHost(Port)),
        ("b\u{fc}_cher.example", BadEntry::Unicode),
        ("\u{ad}", BadEntry::Unicode),
        ("b\u{fc}cher.example:0", BadEntry::NotAHost(Port)),
    ];
    for (list, expected) in table {
        let error = Allowlist::parse(list).map_err(|(_, error)| error);
        assert_eq!(error, Err(expected), "{list}");
    }
    assert_eq!(Allowlist::parse("a.example,*.com").map_err(|(at, _)| at), Err(2));
}
