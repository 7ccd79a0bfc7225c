//! Tables of requests, whole and in pieces.

use super::*;

/// The bytes as they are passed on, if they come in pieces of this size.
fn passed_on(sent: &str, piece: usize) -> String {
    let mut requests = Requests::new();
    let pieces = sent.as_bytes().chunks(piece);
    let passed = pieces.flat_map(|piece| requests.encoded(piece).unwrap_or_else(|| piece.to_vec()));
    String::from_utf8(passed.collect()).expect("text")
}

#[test]
fn raw_characters_are_encoded_in_the_path_and_the_query() {
    let targets = [
        ("/a<b>`c", "/a%3Cb%3E%60c"),
        ("/?q=a<b>\"c\"", "/?q=a%3Cb%3E%22c%22"),
        ("/\"a\"{}|\\^[]?`{}|\\^[]'", "/\"a\"{}|\\^[]?`{}|\\^[]'"),
        ("/a?b?<", "/a?b?%3C"),
        ("/\u{fc}<", "/\u{fc}%3C"),
        ("http://a.example/<x>?\"y\"", "http://a.example/%3Cx%3E?%22y%22"),
        ("http://a.example?\"", "http://a.example?%22"),
        ("http://a<b.example/", "http://a<b.example/"),
        ("*", "*"),
    ];
    for (target, expected) in targets {
        for piece in [1, 2, 5, 1000] {
            let request = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: <x>\r\n\r\n");
            assert_eq!(passed_on(&request(target), piece), request(expected), "{piece}");
        }
    }
}

#[test]
fn options_of_a_whole_server_are_told_from_those_of_its_root() {
    for (target, expected) in [
        ("http://a.example", "http://a.example/\u{fdd0}"),
        ("http://a.example:80", "http://a.example:80/\u{fdd0}"),
        ("http://a.example/", "http://a.example/"),
        ("http://a.example?a", "http://a.example?a"),
        ("*", "*"),
        ("/", "/"),
    ] {
        for piece in [1, 3, 1000] {
            let request = |method: &str, target: &str| format!("{method} {target} HTTP/1.1\r\n\r\n");
            assert_eq!(passed_on(&request("OPTIONS", target), piece), request("OPTIONS", expected), "{piece}");
            assert_eq!(passed_on(&request("GET", target), piece), request("GET", target), "{piece}");
        }
    }
}

#[test]
fn the_next_request_is_found_behind_a_body_of_known_length() {
    let second = "PUT /> HTTP/1.1\r\n\r\n";
    let found = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\nHost: a\n\n",
        "POST / HTTP/1.1\r\ncontent-LENGTH: 10\r\n\r\nGET /< HT\n",
        "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding:chunked\r\n\r\nB; x=y\r\nGET /< HTT\n\r\n0\r\nA: <\r\n\r\n",
    ];
    let lost = [
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length:\r\n 1\r\n\r\nx",
        "GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n",
        "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\n\r\n",
        "\u{1}\u{16}\r\n",
    ];
    for piece in [1, 3, 1000] {
        for first in found {
            let passed = passed_on(&format!("{first}{second}"), piece);
            assert_eq!(passed, format!("{first}PUT /%3E HTTP/1.1\r\n\r\n"), "{piece}");
        }
        for first in lost {
            assert_eq!(passed_on(&format!("{first}{second}"), piece), format!("{first}{second}"), "{piece}");
        }
    }
}

#[test]
fn what_is_kept_of_a_line_has_a_bound() {
    let mut requests = Requests::new();
    requests.encoded(b"GET / HTTP/1.1\r\nx: ");
    for _ in 0..1000 {
        requests.encoded(b"xxxxxxxxxxxxxxxxxxxxxxxxx");
    }
    assert_eq!(requests.line.len(), LINE_START_MAX);
    requests.encoded(b"\r\n\r\n");
    assert_eq!(requests.at, At::Method);
}
