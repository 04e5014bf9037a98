use super::super::spool::MemorySpool;
use super::*;
use proptest::prelude::*;

fn read(buffers: &mut Buffers, xid: u32) -> Vec<(u64, Vec<u8>)> {
    let mut chunk = Vec::new();
    let mut entries = Vec::new();
    while buffers.next_chunk(xid, &mut chunk).unwrap() {
        let mut rest = &chunk[..];
        while let Some(entry) = Entry::take(&mut rest) {
            entries.push((entry.lsn.as_u64(), entry.body.to_vec()));
        }
        assert!(rest.is_empty(), "chunks hold whole entries");
    }
    entries
}

fn byte(n: usize) -> u8 {
    u8::try_from(n % 256).unwrap()
}

#[test]
fn largest_transaction_leaves_memory_and_the_small_one_stays() {
    let mut buffers = Buffers::new(Box::new(MemorySpool::default()), 1_000_000);
    buffers.begin(1, Layout::WithXid, Lsn::new(1));
    buffers.begin(2, Layout::WithXid, Lsn::new(1));
    buffers.push(2, Lsn::new(2), b"small").unwrap();
    for n in 0..30 {
        buffers.push(1, Lsn::new(n), &[7; 100_000]).unwrap();
        assert!(buffers.memory() <= 1_000_000, "{}", buffers.memory());
    }
    assert!(buffers.by_xid[&1].is_spooled);
    assert!(!buffers.by_xid[&2].is_spooled);
    // From here on it writes through, and leaves memory to others.
    assert!(buffers.by_xid[&1].memory() <= CHUNK_BYTES);
    let positions: Vec<u64> = read(&mut buffers, 1).into_iter().map(|(lsn, _)| lsn).collect();
    assert_eq!(positions, (0..30).collect::<Vec<_>>());
    assert_eq!(read(&mut buffers, 2), [(2, b"small".to_vec())]);
    buffers.remove(1);
    buffers.remove(2);
    assert_eq!(buffers.memory(), 0);
}

#[test]
fn entry_larger_than_memory_is_kept() {
    let mut buffers = Buffers::new(Box::new(MemorySpool::default()), 10);
    buffers.begin(1, Layout::Plain, Lsn::new(1));
    let large = vec![1; 3 * CHUNK_BYTES];
    buffers.push(1, Lsn::new(5), &large).unwrap();
    buffers.push(1, Lsn::new(6), b"x").unwrap();
    assert_eq!(buffers.memory(), 0);
    assert_eq!(read(&mut buffers, 1), [(5, large), (6, b"x".to_vec())]);
}

#[test]
fn only_prepared_transactions_outlive_a_connection() {
    let mut buffers = Buffers::new(Box::new(MemorySpool::default()), 1000);
    for xid in 1..=3 {
        buffers.begin(xid, Layout::Plain, Lsn::new(1));
        buffers.push(xid, Lsn::new(1), b"x").unwrap();
    }
    buffers.prepare(2, Lsn::new(70));
    buffers.prepare(3, Lsn::new(60));
    assert_eq!(buffers.oldest_prepare(), Some(Lsn::new(60)));
    buffers.keep_prepared();
    assert_eq!((1..=3).map(|xid| buffers.contains(xid)).collect::<Vec<_>>(), [false, true, true]);
    buffers.remove(3);
    assert_eq!(buffers.oldest_prepare(), Some(Lsn::new(70)));
}

#[test]
fn torn_entry_is_not_taken_for_a_whole_one() {
    let mut chunk = Vec::new();
    Entry::write(Lsn::new(9), b"body", &mut chunk);
    for len in 0..chunk.len() {
        assert_eq!(Entry::take(&mut &chunk[..len]), None, "{len} bytes");
    }
    assert_eq!(Entry::take(&mut &chunk[..]), Some(Entry { lsn: Lsn::new(9), body: b"body" }));
}

proptest! {
    #[test]
    fn entries_come_back_in_order_whatever_memory_holds(
        entries in proptest::collection::vec((1u32..4, 0usize..600), 1..80),
        memory_max in 0usize..20_000,
    ) {
        let mut buffers = Buffers::new(Box::new(MemorySpool::default()), memory_max);
        for xid in 1..4 {
            buffers.begin(xid, Layout::Plain, Lsn::new(1));
        }
        for (n, (xid, len)) in entries.iter().enumerate() {
            buffers.push(*xid, Lsn::new(n as u64), &vec![byte(n); *len]).unwrap();
            prop_assert!(buffers.memory() <= memory_max);
        }
        for xid in 1..4 {
            let expected: Vec<_> = entries
                .iter()
                .enumerate()
                .filter(|(_, (of, _))| *of == xid)
                .map(|(n, (_, len))| (n as u64, vec![byte(n); *len]))
                .collect();
            prop_assert_eq!(read(&mut buffers, xid), expected);
            buffers.remove(xid);
        }
        prop_assert_eq!(buffers.memory(), 0);
    }
}
