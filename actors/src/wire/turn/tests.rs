use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::AtomicUsize;
use std::task::{Wake, Waker};

use super::*;
use crate::wire::meter::Frames;

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// What a reader that never stops by itself gets of `source`, by polls, and how often it was woken.
fn turns(source: &[u8], meter: Meter, piece: usize) -> (Vec<Vec<u8>>, usize) {
    let turn = Turn::default();
    let mut stream = turn.bound(source, meter);
    let (woken, mut turns) = (Arc::new(Woken::default()), Vec::new());
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    let mut read = Vec::new();
    let mut driven = pin!(turn.drive(poll_fn(|context| {
        loop {
            let mut bytes = vec![0; piece];
            let mut buf = ReadBuf::new(&mut bytes);
            match Pin::new(&mut stream).poll_read(context, &mut buf) {
                Poll::Ready(result) if result.is_ok() && !buf.filled().is_empty() => {
                    read.extend_from_slice(buf.filled());
                }
                Poll::Ready(_) => return Poll::Ready(std::mem::take(&mut read)),
                // Some readers ask once more in the same poll.
                Poll::Pending if Pin::new(&mut stream).poll_read(context, &mut buf).is_pending() => {
                    turns.push(std::mem::take(&mut read));
                    return Poll::Pending;
                }
                Poll::Pending => unreachable!("nothing is read after the bound"),
            }
        }
    })));
    let last = loop {
        if let Poll::Ready(last) = driven.as_mut().poll(&mut context) {
            break last;
        }
    };
    turns.push(last);
    (turns, woken.0.load(Relaxed))
}

#[test]
fn a_reader_gets_a_bounded_number_of_bytes_in_each_poll_and_all_in_the_end() {
    let source: Vec<u8> = (0..1_000_000_u32).map(|byte| u8::try_from(byte % 251).unwrap_or_default()).collect();
    for piece in [1000, 8192, 200_000] {
        let (turns, woken) = turns(&source, Meter::Bytes, piece);
        assert!(turns.iter().all(|turn| turn.len() <= limits::TURN_BYTES), "pieces of {piece}");
        assert!(
            turns.len() >= source.len() / limits::TURN_BYTES
                && turns.len() <= source.len() / (limits::TURN_BYTES - REMAINDER) + 1
        );
        assert!(woken >= turns.len() - 1, "it is woken after each");
        assert_eq!(turns.concat(), source);
    }
}

#[test]
fn a_turn_has_a_sixteenth_of_frames_that_carry_nothing() {
    let ping = [&[0, 0, 8, 6, 0, 0, 0, 0, 0][..], &[0; 8]].concat().repeat(10_000);
    let data = [&[0, 0x40, 0, 0, 0, 0, 0, 0, 1][..], &[b'x'; 0x4000]].concat().repeat(100);
    for (frames, bytes_max) in [(ping, limits::TURN_BYTES / limits::H2_FRAME_COST), (data, limits::TURN_BYTES)] {
        for piece in [100, 8192, 200_000] {
            let (turns, _) = turns(&frames, Meter::Frames(Frames::of_server()), piece);
            assert!(turns.iter().all(|turn| turn.len() <= bytes_max), "{:?}", turns.iter().map(Vec::len).max());
            assert!(turns.len() <= frames.len() / (bytes_max * 9 / 10) + 1, "{} turns", turns.len());
            assert_eq!(turns.concat(), frames);
        }
    }
}

#[test]
fn requests_of_a_few_bytes_are_paid_for_in_later_turns() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let request = [0, 0, 5, 1, 5, 0, 0, 0, 1, 0x82, 0x84, 0x86, 0xbe, 0xbf];
    let frames = [&preface[..], &request.repeat(500)].concat();
    let (turns, _) = turns(&frames, Meter::Frames(Frames::of_client(Arc::default())), 8192);
    assert_eq!(turns.concat(), frames);
    assert!(turns.len() >= 500 * limits::H2_REQUEST_COST / limits::TURN_BYTES, "{} turns", turns.len());
    assert!(turns.iter().all(|turn| turn.len() <= 2 * 512), "{:?}", turns.iter().map(Vec::len).max());
}

#[test]
fn a_stream_that_nobody_drives_is_not_bounded() {
    let (turn, source) = (Turn::default(), vec![7; 1_000_000]);
    let mut context = Context::from_waker(Waker::noop());
    let mut read_all = || {
        let (mut stream, mut bytes) = (turn.bound(&source[..], Meter::Bytes), vec![0; source.len()]);
        let mut buf = ReadBuf::new(&mut bytes);
        assert!(Pin::new(&mut stream).poll_read(&mut context, &mut buf).is_ready());
        assert_eq!(buf.filled().len(), source.len());
    };
    read_all();
    assert!(pin!(turn.drive(async {})).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    read_all();
}
