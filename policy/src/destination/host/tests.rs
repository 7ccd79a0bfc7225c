//! Tables and properties of hosts and destinations.

use proptest::prelude::*;

use super::*;

#[test]
fn hosts_have_one_canonical_form() {
    let table = [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("a-b.example", "a-b.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
        ("[2620:10d:c081:b:0:0:0:26]", "[2620:10d:c081:b::26]"),
        ("[2001:0db8:0000:0000:0000:0000:0000:0001]", "[2001:db8::1]"),
        ("[2001:db8::0:1]", "[2001:db8::1]"),
        ("[2001:db8:0:0:1::]", "[2001:db8:0:0:1::]"),
        ("[::FFFF:192.0.2.1]", "[::ffff:192.0.2.1]"),
        ("[::ffff:c000:201]", "[::ffff:192.0.2.1]"),
        ("[64:ff9b::192.0.2.1]", "[64:ff9b::c000:201]"),
        ("my_host.Test", "my_host.test"),
        ("_dmarc.a.example", "_dmarc.a.example"),
        ("_", "_"),
        ("foo-.example", "foo-.example"),
        ("-foo.example.", "-foo.example"),
        ("a.-.example", "a.-.example"),
        ("1_2.a", "1_2.a"),
        ("a.1-", "a.1-"),
    ];
    for (text, expected) in table {
        assert_eq!(Host::parse(text).map(|h| h.to_string()).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn odd_hosts_are_refused_not_repaired() {
    let long = "a".repeat(64);
    let odd = [
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "a..",
        "a b",
        "a%2e",
        "a\u{0}",
        "ä.de",
        "b\u{fc}cher",
        "user@host",
        "[host]",
        "[127.0.0.1]",
        "[::1",
        "::1",
        "[::1%25eth0]",
        "[0:0:0:0:0:0:0:0:1]",
        "[1::2::3]",
        "[00001::1]",
        "[::1.2.3]",
        "[::01.2.3.4]",
        "[1:2:3:4:5:6:7]",
        "[v1.a]",
        "[::1]]",
        "[[::1]]",
        "[ ::1]",
        "_.1",
        "a-.0x1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "1.2.3.4.5",
        "256.1.1.1",
        "a/b",
        "a\\b",
        "a?b",
        "a#b",
        "a:b",
        "\u{ff41}.com",
        "a\u{3002}com",
        &long,
    ];
    for text in odd {
        assert!(Host::parse(text).is_err(), "{text:?} was taken as {:?}", Host::parse(text));
    }
    assert!(Host::parse(&format!("{}.com", "a.".repeat(130))).is_err());
}

#[test]
fn labels_that_certificates_have_not_are_told_apart() {
    for (text, plain) in [("a-b.example", true), ("a_b.example", true), ("192.0.2.1", true), ("[::1]", true)] {
        assert_eq!(Host::parse(text).expect("a host").has_plain_labels(), plain, "{text}");
    }
    for text in ["-a.example", "a-.example", "a.-", "a.b-"] {
        assert!(!Host::parse(text).expect("a host").has_plain_labels(), "{text}");
    }
}

#[test]
fn connect_targets_need_a_plain_port() {
    let good = Destination::from_connect("API.example.com:443").expect("a usual target");
    assert_eq!((good.authority().as_str(), good.port), ("api.example.com", 443));
    for bad in [
        "a.example",
        "a.example:",
        "a.example:0",
        "a.example:65536",
        "a.example:+443",
        "a.example:0443",
        "a.example:443:443",
        "u@a.example:443",
        "a.example:443/",
        " a.example:443",
        "[::1]",
        "[::1]443",
        ":443",
        "a.example:44 3",
        "https://a.example:443",
    ] {
        assert!(Destination::from_connect(bad).is_err(), "{bad:?}");
    }
    assert!(Destination::from_connect("[::1]:443").is_ok());
}

#[test]
fn authority_leaves_out_the_default_port_alone() {
    let text = |scheme, text: &str| Authority::parse(text).expect("good").under(scheme).authority();
    assert_eq!(text(Scheme::Https, "a.example:443"), "a.example");
    assert_eq!(text(Scheme::Https, "a.example:80"), "a.example:80");
    assert_eq!(text(Scheme::Http, "a.example:80"), "a.example");
}

proptest! {
    #[test]
    fn what_parses_is_already_canonical(text in "\\PC{0,30}") {
        if let Ok(host) = Host::parse(&text) {
            let shown = host.to_string();
            prop_assert_eq!(Host::parse(&shown), Ok(host));
        }
    }
}
