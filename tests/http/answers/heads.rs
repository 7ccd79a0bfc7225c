//! Heads of answers as servers send them: phrases, odd fields, many fields, and what a client must know.

use std::fmt::Write as _;

use tokio::io::AsyncWriteExt as _;

use crate::support::h2_frames::{block, frame, next, settings};
use crate::support::tls::Sni;
use crate::support::wire::read_until;
use crate::support::{Origin, Proxy, RawOrigin};

const HOST: &str = "heads.example.test";

/// The head that an HTTP/1.1 client gets of an answer.
async fn passed_on(answer: impl Into<String>) -> String {
    let answer = answer.into();
    let origin = RawOrigin::start(&[HOST], &["http/1.1"], move |mut stream| {
        let answer = answer.clone();
        async move {
            let _ = read_until(&mut stream, b"\r\n\r\n").await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    head_through(&Proxy::builder().origin(HOST, &origin).start()).await
}

async fn head_through(proxy: &Proxy) -> String {
    let client = proxy.client();
    let mut wire = client.raw_tls_tunnel(&format!("{HOST}:443"), Sni::Host, &[]).await.expect("a tunnel");
    wire.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await.expect("sent");
    wire.read_head().await.expect("answered")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_phrase_passes_as_it_came() {
    for line in [
        "HTTP/1.1 529 Overloaded",
        "HTTP/1.1 401 Token expired",
        "HTTP/1.1 200 ",
        "HTTP/1.1 200 Fine\tindeed",
        "HTTP/1.1 299 ",
        "HTTP/1.1 999 Request denied",
    ] {
        let head = passed_on(format!("{line}\r\nContent-Length: 0\r\n\r\n")).await;
        assert!(head.starts_with(&format!("{line}\r\n")), "{head}");
    }
    let head = passed_on("HTTP/1.1 599\r\nContent-Length: 0\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 599 \r\n"), "{head}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_has_no_phrase_and_none_is_made_up() {
    let origin = Origin::builder(&[HOST]).http2_only().start();
    let head = head_through(&Proxy::builder().origin(HOST, &origin).start()).await;
    assert!(head.starts_with("HTTP/1.1 200 \r\n"), "{head}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_browsers_read_is_read() {
    for (fields, expected) in [
        ("Set-Cookie: a=\x01b\r\n", "set-cookie: a= b"),
        ("X-One: a\r\n b\r\n", "x-one: a  b"),
        ("X-One : a\r\n", "x-one: a"),
        ("no field at all\r\nX-One: a\r\n", "x-one: a"),
    ] {
        let head = passed_on(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n")).await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{fields:?}: {head}");
        let squeezed = |text: &str| text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed(&head).contains(&squeezed(expected)), "{fields:?}: {head}");
    }
    let old = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert!(passed_on(old).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_reads_is_502() {
    for odd in
        ["ICY 200 OK\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 099 x\r\n\r\n", "hello", ""]
    {
        assert!(passed_on(odd).await.starts_with("HTTP/1.1 502 "), "{odd:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_may_have_more_fields_than_the_library_takes() {
    for count in [100, 101, 500, 1900] {
        let mut answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n".to_owned();
        for at in 0..count {
            let _ = write!(answer, "Set-Cookie: c{at}=v\r\n");
        }
        let head = passed_on(answer + "\r\n").await;
        let cookies: Vec<_> = head.lines().filter(|line| line.starts_with("set-cookie: ")).collect();
        let expected: Vec<_> = (0..count).map(|at| format!("set-cookie: c{at}=v")).collect();
        assert_eq!(cookies, expected);
    }
    let too_many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(2001));
    assert!(passed_on(too_many).await.starts_with("HTTP/1.1 502 "));
}

/// In frames of 16 KiB, as most servers send them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_may_be_as_large_over_http2() {
    let origin = RawOrigin::start(&[HOST], &["h2"], |mut stream| async move {
        let _ = stream.write_all(&settings(&[])).await;
        let _ = read_until(&mut stream, b"SM\r\n\r\n").await;
        while let Some(asked) = next(&mut stream).await {
            if asked.kind != 1 {
                continue;
            }
            let value = "x".repeat(4000);
            let fields: Vec<_> = std::iter::once((":status", "200")).chain((0..30).map(|_| ("x-a", &*value))).collect();
            let block = block(&fields);
            assert!(block.len() > 120_000);
            let pieces: Vec<_> = block.chunks(16 * 1024).collect();
            for (at, piece) in pieces.iter().enumerate() {
                let (kind, ends) = (if at == 0 { 1 } else { 9 }, at + 1 == pieces.len());
                let flags = u8::from(at == 0) | if ends { 4 } else { 0 };
                let _ = stream.write_all(&frame(kind, flags, asked.stream, piece)).await;
            }
            let _ = stream.flush().await;
        }
    });
    let head = head_through(&Proxy::builder().origin(HOST, &origin).start()).await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.matches("x-a: ").count() == 30, "{} bytes", head.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_must_know_is_not_lost() {
    let table = [
        (
            "426 Upgrade Required",
            "Upgrade: websocket\r\nConnection: upgrade\r\n",
            &["upgrade: websocket", "connection: upgrade"][..],
        ),
        ("426 Upgrade Required", "Upgrade: TLS/1.3, HTTP/2.0\r\n", &["upgrade: TLS/1.3, HTTP/2.0"]),
        (
            "407 Proxy Authentication Required",
            "Proxy-Authenticate: Basic realm=\"a\"\r\n",
            &["proxy-authenticate: Basic realm=\"a\""],
        ),
        (
            "502 Bad Gateway",
            "Proxy-Status: cache.example; error=dns_error\r\n",
            &["proxy-status: cache.example; error=dns_error"],
        ),
    ];
    for (status, fields, expected) in table {
        let head = passed_on(format!("HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n")).await;
        assert!(expected.iter().all(|field| head.contains(&format!("\r\n{field}\r\n"))), "{head}");
    }
    let head = passed_on("HTTP/1.1 200 OK\r\nUpgrade: h2\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n").await;
    assert!(!head.contains("upgrade"), "{head}");
}
