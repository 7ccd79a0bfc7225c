use super::*;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Whether all of it passes, cut into pieces of that size.
fn passes(frames: &mut Frames, bytes: &[u8], cut: usize) -> bool {
    bytes.chunks(cut).all(|piece| frames.measure(piece).is_ok())
}

fn interim(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &[0x08, 3, b'1', b'0', b'3'])
}

#[test]
fn interim_responses_are_counted_for_each_stream_in_any_cut() {
    let head = |stream| frame(HEADERS, END_HEADERS, stream, &[0x88]);
    let body = |stream| frame(DATA, END_STREAM, stream, b"body");
    for cut in [1, 2, 8, 9, 10, 14, 100_000] {
        let mut frames = Frames::of_server();
        assert!(passes(&mut frames, &frame(4, 0, 0, &[]), cut), "{cut}: settings");
        let both: Vec<u8> = (0..limits::H2_INTERIMS_MAX).flat_map(|_| [interim(1), interim(3)].concat()).collect();
        assert!(passes(&mut frames, &[both, head(1), body(1)].concat(), cut), "{cut}: just as many");
        assert!(
            passes(&mut frames, &[interim(5), head(5), frame(HEADERS, 5, 5, &[])].concat(), cut),
            "{cut}: trailers"
        );
        assert!(passes(&mut frames, &head(3), cut), "{cut}: the last of the other stream");
        assert!(!passes(&mut frames, &interim(3), cut), "{cut}: one too many");
    }
}

#[test]
fn streams_that_never_end_are_forgotten() {
    let mut frames = Frames::of_server();
    for stream in 0..10_000 {
        assert!(passes(&mut frames, &interim(2 * stream + 1), 100));
    }
    let Peer::Server(responses) = &frames.peer else { panic!("a server") };
    assert_eq!(responses.len(), RESPONSES_MAX);
}

/// A head with so many fields.
type Form<'a> = &'a dyn Fn(usize) -> Vec<u8>;

#[test]
fn heads_with_too_many_fields_end_the_connection_in_any_form() {
    let fields = |count| vec![0x82; count];
    let whole = |count| frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields(count));
    let padded = |count| {
        let payload = [&[200][..], &[0, 0, 0, 0, 16], &fields(count), &[0; 200]].concat();
        frame(HEADERS, END_HEADERS | PADDED | PRIORITY, 1, &payload)
    };
    let pieces = |count| {
        let pieces = [frame(HEADERS, 0, 1, &fields(count - 200)), frame(CONTINUATION, 0, 1, &fields(100))];
        [pieces.concat(), frame(CONTINUATION, END_HEADERS, 1, &fields(100))].concat()
    };
    let forms: [(&str, Form<'_>); 3] = [("whole", &whole), ("padded", &padded), ("pieces", &pieces)];
    for ((form, of), cut) in forms.into_iter().flat_map(|form| [1, 7, 9, 500, 100_000].map(|cut| (form, cut))) {
        let activity = Arc::new(Activity::default());
        let mut frames = Frames::of_client(activity.clone());
        assert!(passes(&mut frames, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", cut));
        for _ in 0..10 {
            assert!(passes(&mut frames, &of(limits::H2_FIELDS_COUNTED), cut), "{form}, {cut}");
        }
        for _ in 0..limits::OVERSIZED_HEADS_MAX {
            assert!(passes(&mut frames, &of(limits::H2_FIELDS_COUNTED + 1), cut), "{form}, {cut}");
        }
        assert_eq!(activity.oversized_heads(), limits::OVERSIZED_HEADS_MAX, "{form}, {cut}");
        assert!(!passes(&mut frames, &whole(3), cut), "{form}, {cut}: the end");
    }
}

#[test]
fn requests_that_are_reset_before_all_was_read_are_counted() {
    let request = |stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &[0x82]);
    let reset = |stream| frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    let streams = |count: usize| (0..2 * u32::try_from(count).expect("few")).skip(1).step_by(2);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let both = |count| streams(count).flat_map(|stream| [request(stream), reset(stream)].concat()).collect::<Vec<u8>>();
    for (count, expected) in [(limits::H2_RESETS_MAX, true), (limits::H2_RESETS_MAX + 1, false)] {
        let mut frames = Frames::of_client(Arc::default());
        assert!(passes(&mut frames, preface, 5));
        assert_eq!(passes(&mut frames, &both(count), 100), expected, "{count} at once");
    }
    let mut frames = Frames::of_client(Arc::default());
    assert!(passes(&mut frames, &[&preface[..], &streams(1000).flat_map(request).collect::<Vec<u8>>()].concat(), 100));
    frames.drained();
    assert!(passes(&mut frames, &streams(1000).flat_map(reset).collect::<Vec<u8>>(), 100), "they were under way");
}

#[test]
fn the_cost_is_that_of_the_bytes_in_any_cut() {
    let bytes = [interim(1), frame(DATA, 0, 1, &[0; 1000]), frame(6, 0, 0, &[0; 8]), frame(DATA, 1, 1, &[])].concat();
    let expected = 1000 + (bytes.len() - 1000) * limits::H2_FRAME_COST;
    for cut in [1, 5, 9, 600, 10_000] {
        let mut frames = Frames::of_server();
        let costs = bytes.chunks(cut).map(|piece| frames.measure(piece).expect("no flood"));
        assert_eq!(costs.sum::<usize>(), expected, "{cut}");
    }
}
