//! The number of fields in an HTTP/2 header block, without decoding it.
//!
//! A field may be one byte on the wire (RFC 7541, section 6.1), and takes some hundred when it is decoded.

/// A header block as it is read, in whatever pieces.
#[derive(Debug, Default)]
pub(super) struct FieldCount {
    fields: usize,
    place: Place,
}

#[derive(Debug, Default)]
enum Place {
    /// At the first byte of a field.
    #[default]
    Start,
    /// In the bytes of an index, with so many strings to follow.
    Index(u8),
    /// At the first byte of a string, the last or last but one.
    String(u8),
    /// In the length of a string.
    Length { length: usize, shift: u32, strings: u8 },
    /// In a string of so many bytes.
    Bytes(usize, u8),
}

impl FieldCount {
    pub(super) fn fields(&self) -> usize {
        self.fields
    }

    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            match self.place {
                Place::Bytes(length, strings) => {
                    let skipped = length.min(bytes.len());
                    bytes = bytes.get(skipped..).unwrap_or_default();
                    self.place = skip(length - skipped, strings);
                    continue;
                }
                Place::Start => self.place = self.begin(*first),
                Place::Index(strings) if *first < 0x80 => self.place = follow(strings),
                Place::Index(_) => {}
                Place::String(strings) => {
                    let length = usize::from(first & 0x7f);
                    let is_whole = length < 0x7f;
                    self.place =
                        if is_whole { skip(length, strings) } else { Place::Length { length, shift: 0, strings } };
                }
                Place::Length { length, shift, strings } => {
                    let more = usize::from(first & 0x7f).checked_shl(shift).unwrap_or(usize::MAX);
                    let length = length.saturating_add(more);
                    let is_whole = *first < 0x80;
                    let shift = shift.saturating_add(7);
                    self.place =
                        if is_whole { skip(length, strings) } else { Place::Length { length, shift, strings } };
                }
            }
            bytes = rest;
        }
    }

    /// The place after the first byte of a field, or of a change of the table's size.
    fn begin(&mut self, first: u8) -> Place {
        let (prefix, strings, is_field) = match first {
            0x80.. => (0x7f, 0, true),
            0x40.. => (0x3f, 1, true),
            0x20.. => (0x1f, 0, false),
            _ => (0x0f, 1, true),
        };
        self.fields += usize::from(is_field);
        match first & prefix {
            // A literal name comes before the value.
            0 if strings == 1 => Place::String(2),
            index if index == prefix => Place::Index(strings),
            _ => follow(strings),
        }
    }
}

fn follow(strings: u8) -> Place {
    if strings == 0 { Place::Start } else { Place::String(strings) }
}

/// The place `length` bytes before the end of one of so many strings.
fn skip(length: usize, strings: u8) -> Place {
    if length == 0 { follow(strings - 1) } else { Place::Bytes(length, strings) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_in_any_cut() {
        let long = [&[0x40, 1, b'a', 0x7f, 0xff, 0x01][..], &[b'y'; 0x7f + 0xff]].concat();
        let table: [(&str, &[u8], usize); 9] = [
            ("nothing", &[], 0),
            ("indexed", &[0x82, 0x84, 0xbe], 3),
            ("a long index", &[0xff, 0x80, 0x01, 0x82], 2),
            ("a new name", &[0x40, 1, b'a', 2, b'b', b'c', 0x82], 2),
            ("without an index", &[0x10, 1, b'a', 0, 0x00, 0, 0], 2),
            ("a known name", &[0x0f, 0x2f, 1, b'z', 0x7f, 0x01, 0, 0x41, 0], 3),
            ("Huffman", &[0x44, 0x81, 0x63], 1),
            ("sizes of the table", &[0x20, 0x3f, 0xe1, 0x1f, 0x82], 1),
            ("a long value", &long, 1),
        ];
        for (name, block, fields) in table {
            for cut in [1, 2, 3, 1000] {
                let mut count = FieldCount::default();
                block.chunks(cut).for_each(|piece| count.read(piece));
                count.read(&[0x82]);
                assert_eq!(count.fields(), fields + 1, "{name}, cut after {cut}");
            }
        }
    }
}
