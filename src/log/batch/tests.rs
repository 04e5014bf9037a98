use super::*;
use crate::record::Record;
use bytes::{Bytes, BytesMut};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE,
    Record as KafkaRecord, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions,
    TimestampType,
};
use proptest::prelude::*;

/// A record with its own bytes.
#[derive(Debug, Clone)]
struct Owned {
    timestamp_ms: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    own_header: Option<Vec<u8>>,
    headers: Vec<(&'static str, Arc<[u8]>)>,
}

impl Owned {
    fn stored(&self, offset: i64) -> StoredRecord {
        let own = self.own_header.iter().map(|value| ("__debezium.newkey", value.as_slice()));
        let shared = self.headers.iter().map(|(name, value)| (*name, value.as_ref()));
        StoredRecord {
            topic: topic(),
            partition: 0,
            offset,
            timestamp_ms: self.timestamp_ms,
            key: self.key.clone(),
            value: self.value.clone(),
            headers: own.chain(shared).map(|(n, v)| (n.to_owned(), Some(v.to_vec()))).collect(),
        }
    }
}

fn topic() -> Arc<str> {
    "dbserver1.public.orders".into()
}

fn batch_of(records: &[Owned], base_offset: i64) -> Vec<u8> {
    let topic = topic();
    let mut batch = Batch::default();
    for (sequence, record) in (0..).zip(records) {
        let own_header = record.own_header.as_deref().map(|value| ("__debezium.newkey", value));
        let record_out = Record {
            sequence,
            topic: &topic,
            partition: None,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            own_header,
            headers: &record.headers,
            additions: None,
        };
        assert!(batch.has_room_for(&record_out));
        batch.push(&record_out, record.timestamp_ms);
    }
    batch.seal(base_offset).to_vec()
}

fn decode(bytes: &[u8]) -> Result<Vec<StoredRecord>, Defect> {
    let mut records = Vec::new();
    decode_batches(&topic(), bytes, &mut records).map(|()| records)
}

prop_compose! {
    fn any_record()(
        timestamp_ms in prop_oneof![0..4_102_444_800_000_i64, any::<i64>().prop_map(|t| t / 4)],
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        own_header: Option<Vec<u8>>,
        names in prop::collection::vec(prop_oneof![Just("a"), Just("ä ö"), Just("")], 0..4),
        header: Vec<u8>,
    ) -> Owned {
        let headers = names.into_iter().map(|name| (name, header.clone().into())).collect();
        Owned { timestamp_ms, key, value, own_header, headers }
    }
}

proptest! {
    #[test]
    fn random_batches_come_back_as_they_were_written(
        first in prop::collection::vec(any_record(), 1..20),
        second in prop::collection::vec(any_record(), 1..20),
        base_offset in 0..i64::MAX / 2,
    ) {
        let mut bytes = batch_of(&first, base_offset);
        bytes.extend(batch_of(&second, base_offset + i64::try_from(first.len()).unwrap()));
        let expected: Vec<_> =
            first.iter().chain(&second).zip(base_offset..).map(|(r, o)| r.stored(o)).collect();
        prop_assert_eq!(decode(&bytes).unwrap(), expected);
    }

    #[test]
    fn random_bytes_are_a_defect_and_never_a_panic(bytes: Vec<u8>) {
        prop_assert_eq!(decode(&bytes).is_err(), !bytes.is_empty());
    }

    #[test]
    fn random_records_under_a_right_checksum_are_never_a_panic(
        body in prop::collection::vec(any::<u8>(), 0..200),
        records: i32, delta: i32, base: i64, timestamp: i64, attributes: i16,
    ) {
        let mut bytes = vec![0; HEADER_LEN];
        bytes.extend(&body);
        let length = i32::try_from(bytes.len() - LENGTH_FROM).unwrap();
        bytes[..8].copy_from_slice(&base.to_be_bytes());
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes[16] = 2;
        bytes[21..23].copy_from_slice(&attributes.to_be_bytes());
        bytes[23..27].copy_from_slice(&delta.to_be_bytes());
        bytes[27..35].copy_from_slice(&timestamp.to_be_bytes());
        bytes[57..61].copy_from_slice(&records.to_be_bytes());
        let crc = crc32c::crc32c(&bytes[CRC_FROM..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        let body_reached = !matches!(decode(&bytes), Err(Defect::Checksum { .. }));
        prop_assert!(body_reached);
    }

    #[test]
    fn records_our_encoder_writes_are_read_by_kafka_protocol(
        records in prop::collection::vec(any_record(), 1..20),
        base_offset in 0..1_000_000_i64,
    ) {
        let mut bytes = Bytes::from(batch_of(&records, base_offset));
        let set = RecordBatchDecoder::decode(&mut bytes).unwrap();
        prop_assert_eq!(set.compression, Compression::None);
        prop_assert_eq!(set.records.len(), records.len());
        for ((theirs, ours), offset) in set.records.iter().zip(&records).zip(base_offset..) {
            prop_assert_eq!(theirs.offset, offset);
            prop_assert_eq!(theirs.timestamp, ours.timestamp_ms);
            prop_assert_eq!(theirs.key.as_deref(), ours.key.as_deref());
            prop_assert_eq!(theirs.value.as_deref(), ours.value.as_deref());
        }
    }

    #[test]
    fn records_kafka_protocol_writes_are_read_by_our_decoder(
        records in prop::collection::vec(any_record(), 1..20),
        base_offset in 0..1_000_000_i64,
    ) {
        let theirs: Vec<_> = (0_i32..).zip(&records).map(|(number, record)| KafkaRecord {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            timestamp_type: TimestampType::Creation,
            offset: base_offset + i64::from(number),
            sequence: NO_SEQUENCE + number,
            timestamp: record.timestamp_ms,
            key: record.key.clone().map(Bytes::from),
            value: record.value.clone().map(Bytes::from),
            headers: [("null".to_owned().into(), None)].into_iter().collect(),
        }).collect();
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        let mut bytes = BytesMut::new();
        RecordBatchEncoder::encode(&mut bytes, &theirs, &options).unwrap();
        let expected: Vec<_> = records.iter().zip(base_offset..).map(|(record, offset)| {
            let headers = vec![("null".to_owned(), None)];
            StoredRecord { headers, ..record.stored(offset) }
        }).collect();
        prop_assert_eq!(decode(&bytes).unwrap(), expected);
    }
}

fn two_records() -> Vec<u8> {
    let record = Owned {
        timestamp_ms: 1_700_000_000_000,
        key: Some(b"{\"id\":1}".to_vec()),
        value: None,
        own_header: Some(b"{\"id\":2}".to_vec()),
        headers: vec![("h", Arc::from(*b"v"))],
    };
    batch_of(&[record.clone(), record], 7)
}

#[test]
fn batch_cut_at_any_byte_is_short() {
    let bytes = two_records();
    for len in 1..bytes.len() {
        let defect = decode(&bytes[..len]).unwrap_err();
        assert!(matches!(defect, Defect::Short { have, .. } if have == len as u64), "{len}");
    }
}

#[test]
fn batch_with_any_bit_flipped_is_a_defect_or_names_another_offset() {
    let bytes = two_records();
    let good = decode(&bytes).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match (bit / 8, decode(&flipped)) {
            // Kafka's checksum leaves out the base offset, which readers compare with the offset
            // they expect, and the leader epoch, which nobody reads.
            (0..8, Ok(records)) => assert_ne!(records[0].offset, good[0].offset, "bit {bit}"),
            (12..16, Ok(records)) => assert_eq!(records, good, "bit {bit}"),
            (_, outcome) => assert!(outcome.is_err(), "bit {bit}"),
        }
    }
}

#[test]
fn batch_that_is_compressed_is_refused_by_name() {
    let mut bytes = two_records();
    bytes[22] |= 4;
    let crc = crc32c::crc32c(&bytes[CRC_FROM..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(decode(&bytes), Err(Defect::Compressed(4)));
}

#[test]
fn record_larger_than_a_batch_can_be_has_no_room() {
    // Borrowed many times over instead of 2 GiB of memory.
    let value: Arc<[u8]> = vec![0; 1 << 20].into();
    let headers = vec![("h", value); 2047];
    let topic = topic();
    let record = |headers| Record {
        sequence: 0,
        topic: &topic,
        partition: None,
        key: None,
        value: None,
        own_header: None,
        headers,
        additions: None,
    };
    assert!(Batch::default().has_room_for(&record(&headers)));
    let more: Vec<_> = headers.iter().chain(&headers[..1]).cloned().collect();
    assert!(!Batch::default().has_room_for(&record(&more)));
}
