//! Tables of heads as servers send them, and as the HTTP library gets them.

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;

/// What is read of a stream that comes in pieces of this size, and the interim responses.
async fn read(sent: &str, piece: usize) -> (Result<String, String>, Vec<Interim>) {
    let (mut server, stream) = duplex(piece);
    let awaited = Awaited::default();
    awaited.begin();
    let mut stream = ResponseHeads::new(stream, awaited.clone());
    let sent = sent.as_bytes().to_vec();
    tokio::spawn(async move {
        let _ = server.write_all(&sent).await;
    });
    let mut text = Vec::new();
    let ended = stream.read_to_end(&mut text).await;
    let read = ended.map(|_| String::from_utf8(text).expect("text")).map_err(|error| error.to_string());
    let interims = awaited.0.interims.lock().expect("no panic").waiting.drain(..).collect();
    (read, interims)
}

#[tokio::test]
async fn what_needs_no_repair_is_passed_on_as_it_is() {
    let heads = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "\r\n\nHTTP/1.1 200 OK\nContent-Length: 5\n\nhello\r\n\r\nHTTP/1.1 103 x\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nX-Tab: a\tb\r\nX-Fold: a\r\n b\r\nX-Blank : c\r\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 529 Overloaded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\x01\r\nTransfer-Encoding: chun\x02ked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length\x01: 3\r\nTransfer Encoding: chunked\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x01\x02",
        "ICY 200 OK\r\n\x01\r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: cut o",
        "",
    ];
    for head in heads {
        for piece in [1, 3, 4096] {
            assert_eq!(read(head, piece).await, (Ok(head.to_owned()), Vec::new()), "{piece}");
        }
    }
}

#[tokio::test]
async fn what_browsers_read_is_repaired() {
    let table = [
        (
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\nconnection: close\r\n\r\n0\r\n\r\n",
        ),
        (
            "HTTP/1.0 200 OK\ntransfer-encoding : x\n\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding : x\r\nconnection: close\r\n\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=\x01b\0c\rd\x7f\r\nX: y\r\n\r\n",
            "HTTP/1.1 200 OK\r\nSet-Cookie: a= b c d \r\nX: y\r\n\r\n",
        ),
        ("HTTP/1.1 200 a\x01b\r\n\r\n\x01", "HTTP/1.1 200 a b\r\n\r\n\x01"),
        (
            "HTTP/1.1 200 OK\r\nno field\r\n folded\r\nA B: c\r\n: d\r\nX: y\r\n z\x01\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: y\r\n z \r\n\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\nX: \x01\r\nContent-Length: 5\x01\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX:  \r\nContent-Length: 5\x01\r\n\r\n",
        ),
    ];
    for (sent, expected) in table {
        for piece in [1, 5, 4096] {
            assert_eq!(read(sent, piece).await.0, Ok(expected.to_owned()), "{sent:?} {piece}");
        }
    }
}

#[tokio::test]
async fn interim_responses_are_taken_out_but_100() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nConnection: x-own\r\nX-Own: 1\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let sent = format!("{hints}HTTP/1.1 102 \r\n\r\nHTTP/1.1 104 x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n{hints}{last}");
    for piece in [1, 7, 4096] {
        let (read, interims) = read(&sent, piece).await;
        assert_eq!(read, Ok(format!("HTTP/1.1 100 Continue\r\n\r\n{last}")));
        let texts: Vec<_> = interims.iter().map(|interim| String::from_utf8_lossy(interim.bytes())).collect();
        let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n";
        assert_eq!(texts, [hints, "HTTP/1.1 102 Processing\r\n\r\n", hints]);
    }
}

#[tokio::test]
async fn interim_responses_have_a_bound() {
    let many = "HTTP/1.1 103 x\r\n\r\n".repeat(limits::INTERIMS_MAX);
    let (whole, interims) = read(&format!("{many}HTTP/1.1 200 OK\r\n\r\n"), 4096).await;
    assert_eq!((whole.as_deref(), interims.len()), (Ok("HTTP/1.1 200 OK\r\n\r\n"), limits::INTERIMS_WAITING_MAX));
    let (cut, _) = read(&format!("{many}HTTP/1.1 103 x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), 4096).await;
    assert_eq!(cut, Err("too many interim responses".to_owned()));
    let large = format!("HTTP/1.1 103 x\r\nlink: {}\r\n\r\n", "x".repeat(limits::INTERIM_BYTES_MAX));
    assert_eq!(read(&large, 4096).await, (Ok(String::new()), Vec::new()));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_left_to_the_library() {
    let large = format!("HTTP/1.1 200 OK\r\nx: {}\r\n", "\x01".repeat(2 * limits::UPSTREAM_BUFFER_BYTES));
    assert_eq!(read(&large, 4096).await.0, Ok(large));
}

#[tokio::test]
async fn fields_beyond_the_librarys_room_are_added_afterwards() {
    use std::fmt::Write as _;

    let (mut many, mut expected) = ("HTTP/1.1 200 OK\r\n".to_owned(), Vec::new());
    for at in 0..1500 {
        let _ = write!(many, "Set-Cookie: c={at};\x01\r\n x\r\n");
        expected.push(format!("c={at};  x"));
    }
    let (mut server, stream) = duplex(1 << 20);
    server.write_all(format!("{many}Connection: close\r\nContent-Length: 2\r\n\r\nok").as_bytes()).await.expect("sent");
    drop(server);
    let awaited = Awaited::default();
    awaited.begin();
    let mut text = String::new();
    ResponseHeads::new(stream, awaited.clone()).read_to_string(&mut text).await.expect("text");
    assert!(text.ends_with("\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"), "{text}");
    let kept = text.matches("Set-Cookie").count();
    assert!(kept < limits::HEAD_FIELDS_MAX);
    let mut headers = HeaderMap::new();
    awaited.complete(&mut headers);
    let added: Vec<_> = headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("text")).collect();
    let expected: Vec<_> = expected[kept..].iter().map(|value| value.replace(";  x", "; x")).collect();
    assert_eq!(added, expected);
}
