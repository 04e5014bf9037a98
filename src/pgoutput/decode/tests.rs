use super::*;
use crate::pgoutput::Cell;
use proptest::prelude::*;

/// Builds messages field by field, so that the tests read like the manual's tables.
#[derive(Default, Clone)]
struct Wire(Vec<u8>);

impl Wire {
    fn tag(tag: u8) -> Self {
        Self(vec![tag])
    }
    fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }
    fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }
    fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }
    fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }
    fn text(mut self, value: &str) -> Self {
        self.0.extend(value.as_bytes());
        self.0.push(0);
        self
    }
    fn sized(mut self, value: &[u8]) -> Self {
        self.0.extend(i32::try_from(value.len()).unwrap().to_be_bytes());
        self.0.extend(value);
        self
    }
}

fn row() -> Wire {
    Wire::default().u16(4).u8(b't').sized(b"hi").u8(b'n').u8(b'u').u8(b'b').sized(&[1, 2])
}

const ROW: [Cell<'static>; 4] =
    [Cell::Text(b"hi"), Cell::Null, Cell::UnchangedToast, Cell::Binary(&[1, 2])];

fn insert() -> Vec<u8> {
    [Wire::tag(b'I').u32(0x4001).u8(b'N').0, row().0].concat()
}

/// One well-formed message of each kind, outside of a stream block.
fn samples() -> Vec<Vec<u8>> {
    let prepare = |tag| Wire::tag(tag).u8(0).u64(1).u64(2).u64(3).u32(4).text("gid").0;
    vec![
        Wire::tag(b'B').u64(1).u64(2).u32(3).0,
        Wire::tag(b'M').u8(1).u64(7).text("prefix").sized(b"content").0,
        Wire::tag(b'C').u8(0).u64(1).u64(2).u64(3).0,
        Wire::tag(b'O').u64(5).text("origin").0,
        Wire::tag(b'R')
            .u32(1)
            .text("s")
            .text("t")
            .u8(b'd')
            .u16(1)
            .u8(1)
            .text("id")
            .u32(23)
            .u32(9)
            .0,
        Wire::tag(b'Y').u32(1).text("s").text("mood").0,
        insert(),
        [Wire::tag(b'U').u32(1).u8(b'N').0, row().0].concat(),
        [Wire::tag(b'U').u32(1).u8(b'K').0, row().0, vec![b'N'], row().0].concat(),
        [Wire::tag(b'D').u32(1).u8(b'O').0, row().0].concat(),
        Wire::tag(b'T').u32(2).u8(3).u32(8).u32(9).0,
        Wire::tag(b'S').u32(1).u8(1).0,
        Wire::tag(b'E').0,
        Wire::tag(b'c').u32(1).u8(0).u64(1).u64(2).u64(3).0,
        Wire::tag(b'A').u32(1).u32(2).0,
        Wire::tag(b'b').u64(1).u64(2).u64(3).u32(4).text("gid").0,
        prepare(b'P'),
        prepare(b'K'),
        Wire::tag(b'r').u8(0).u64(1).u64(2).u64(3).u64(4).u32(5).text("gid").0,
        prepare(b'p'),
    ]
}

#[test]
fn insert_borrows_its_cells_from_the_input() {
    let body = insert();
    let Message::Insert(message) = decode(&body, false).unwrap() else { panic!("no insert") };
    assert_eq!(message.relation, Oid(0x4001));
    assert_eq!(message.new, ROW);
    let Cell::Text(text) = message.new[0] else { panic!("no text") };
    assert!(body.as_ptr_range().contains(&text.as_ptr()));
}

#[test]
fn change_in_a_stream_block_begins_with_an_xid() {
    let mut body = insert();
    body.splice(1..1, [0, 0, 0, 7]);
    assert!(matches!(decode(&body, true), Ok(Message::Insert(i)) if i.relation == Oid(0x4001)));
    assert!(decode(&body, false).is_err());
}

#[test]
fn update_tells_key_tuple_from_full_tuple() {
    for (kind, full) in [(b'K', false), (b'O', true)] {
        let body = [Wire::tag(b'U').u32(1).u8(kind).0, row().0, vec![b'N'], row().0].concat();
        let Message::Update(update) = decode(&body, false).unwrap() else { panic!("no update") };
        let old = update.old.unwrap();
        assert_eq!(old.cells(), ROW);
        assert_eq!(matches!(old, OldTuple::Full(_)), full);
    }
}

#[test]
fn relation_lists_columns_with_key_flag_type_and_typmod() {
    let body = Wire::tag(b'R')
        .u32(16385)
        .text("public")
        .text("t")
        .u8(b'f')
        .u16(2)
        .u8(1)
        .text("id")
        .u32(23)
        .u32(u32::MAX)
        .u8(0)
        .text("näme")
        .u32(1043)
        .u32(14)
        .0;
    let Message::Relation(relation) = decode(&body, false).unwrap() else { panic!("no relation") };
    assert_eq!((relation.oid, relation.schema, relation.name), (Oid(16385), "public", "t"));
    assert_eq!(relation.replica_identity, b'f');
    assert_eq!(
        relation.columns,
        [
            RelationColumn { key: true, name: "id", type_oid: Oid(23), typmod: -1 },
            RelationColumn { key: false, name: "näme", type_oid: Oid(1043), typmod: 14 },
        ]
    );
}

#[test]
fn negative_length_is_an_error_not_an_allocation() {
    let error = decode(b"I\0\0\0\x01N\0\x01t\xff\xff\xff\xff", false).unwrap_err();
    assert_eq!(error, DecodeError::NegativeLength { field: "cell.text", offset: 9, len: -1 });
    assert!(decode(b"T\xff\xff\xff\xff\0", false).is_err());
    assert!(decode(b"T\x7f\xff\xff\xff\0", false).is_err());
}

#[test]
fn every_strict_prefix_of_a_message_is_an_error() {
    for body in samples() {
        decode(&body, false).unwrap_or_else(|error| panic!("{}: {error}", char::from(body[0])));
        for len in 0..body.len() {
            assert!(decode(&body[..len], false).is_err(), "{} cut at {len}", char::from(body[0]));
        }
    }
}

#[test]
fn left_over_bytes_are_an_error() {
    // A stream abort may go on with 16 bytes more, so one byte more is a truncated field there.
    for mut body in samples() {
        body.push(0);
        assert!(decode(&body, false).is_err(), "{}", char::from(body[0]));
    }
}

#[test]
fn unknown_tag_is_named() {
    assert_eq!(decode(b"Z", false), Err(DecodeError::UnknownTag { tag: b'Z' }));
}

proptest! {
    #[test]
    fn no_input_makes_the_decoder_panic(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        in_stream: bool,
    ) {
        drop(decode(&body, in_stream));
    }

    #[test]
    fn no_damaged_message_makes_the_decoder_panic(
        sample in 0usize..20, position in 0usize..200, byte: u8, in_stream: bool,
    ) {
        let mut body = samples().swap_remove(sample);
        let position = position % body.len();
        body[position] = byte;
        drop(decode(&body, in_stream));
    }

    #[test]
    fn no_input_makes_the_frame_reader_panic(input in proptest::collection::vec(any::<u8>(), 0..60)) {
        drop(crate::pgoutput::Frame::decode(&input));
    }
}
