//! The order in which Java's `HashMap` walks through its entries.

/// Sorts entries, given in the order of insertion, into the order of iteration.
///
/// A table of 16 buckets doubles when it is three quarters full; within a bucket the order of
/// insertion stays. (Eight colliding keys in a large table would become a tree; their order is
/// the same unless the tree's root moves, which is not followed here.)
pub(super) fn sort_as_hash_map<T>(entries: &mut [T], hash: impl Fn(&T) -> u32) {
    sort_from(16, entries, hash);
}

/// The same for a map that was made for as many entries as there are.
pub(super) fn sort_as_sized_hash_map<T>(entries: &mut [T], hash: impl Fn(&T) -> u32) {
    sort_from(entries.len().next_power_of_two(), entries, hash);
}

fn sort_from<T>(mut capacity: usize, entries: &mut [T], hash: impl Fn(&T) -> u32) {
    while entries.len() > capacity * 3 / 4 {
        capacity *= 2;
    }
    let mask = u32::try_from(capacity - 1).unwrap_or(u32::MAX);
    entries.sort_by_key(|entry| {
        let hash = hash(entry);
        (hash ^ (hash >> 16)) & mask
    });
}

/// `String.hashCode`
pub(super) fn string_hash(text: &str) -> u32 {
    text.encode_utf16()
        .fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_keys_stand_as_java_17_printed_them() {
        let mut keys: Vec<String> = (0..40).map(|number| format!("key{number}")).collect();
        sort_as_hash_map(&mut keys, |key| string_hash(key));
        assert_eq!(
            keys.join(" "),
            "key1 key2 key0 key5 key6 key3 key4 key9 key7 key8 key22 key21 key20 key15 key37 key14 \
             key36 key13 key35 key12 key34 key19 key18 key17 key39 key16 key38 key11 key33 key10 \
             key32 key31 key30 key26 key25 key24 key23 key29 key28 key27"
        );
    }

    #[test]
    fn short_keys_hash_to_their_value() {
        let mut keys = [1_i16, 5, 100, 20_000, 17, 33, -1];
        sort_as_hash_map(&mut keys, |key| i32::from(*key).cast_unsigned());
        assert_eq!(keys, [20_000, -1, 1, 17, 33, 100, 5], "as Java 17 printed them");
    }
}
