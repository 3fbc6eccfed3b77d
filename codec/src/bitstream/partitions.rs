//! The partitions after the first: their sizes, and which macroblock row's tokens are in which (RFC 6386 §9.5).

use std::fmt;

/// The most token partitions that a frame has.
pub(crate) const MAX_TOKEN_PARTITIONS: usize = 8;

/// The bytes of each token partition; macroblock row `r` is in partition `r % count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenPartitions<'a> {
    partitions: [&'a [u8]; MAX_TOKEN_PARTITIONS],
    count: usize,
}

/// A frame ends within the sizes of its token partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionError {
    /// How many bytes the sizes take.
    pub needed: usize,
    /// How many follow the first partition.
    pub found: usize,
}

impl fmt::Display for PartitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, found } = self;
        write!(f, "the sizes of the token partitions take {needed} bytes, but {found} follow the first partition")
    }
}

impl std::error::Error for PartitionError {}

impl<'a> TokenPartitions<'a> {
    /// Finds `1 << count_log2` partitions in what follows the first one.
    ///
    /// A partition that is cut short is as long as there are bytes, possibly empty: the bool decoder reads zeros on.
    pub(crate) fn split(bytes: &'a [u8], count_log2: u8) -> Result<Self, PartitionError> {
        let count = 1 << count_log2;
        let needed = 3 * (count - 1);
        let (sizes, mut rest) = bytes.split_at_checked(needed).ok_or(PartitionError { needed, found: bytes.len() })?;
        let mut partitions = [&[][..]; MAX_TOKEN_PARTITIONS];
        for (partition, size) in partitions.iter_mut().zip(sizes.as_chunks::<3>().0) {
            let size = u32::from_le_bytes([size[0], size[1], size[2], 0]) as usize;
            (*partition, rest) = rest.split_at(size.min(rest.len()));
        }
        partitions[count - 1] = rest;
        Ok(Self { partitions, count })
    }

    /// What is there of them where only the first bytes of a frame are: without their sizes, nothing.
    pub(crate) fn split_prefix(bytes: &'a [u8], count_log2: u8) -> Self {
        Self::split(bytes, count_log2)
            .unwrap_or(Self { partitions: [&[]; MAX_TOKEN_PARTITIONS], count: 1 << count_log2 })
    }

    /// The partitions in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        self.partitions[..self.count].iter().copied()
    }

    /// Appends `partitions` and before them their sizes; there are 1, 2, 4 or 8 of them, each under 16 MiB.
    pub(crate) fn write(partitions: &[Vec<u8>], frame: &mut Vec<u8>) {
        debug_assert!(partitions.len().is_power_of_two() && partitions.len() <= MAX_TOKEN_PARTITIONS);
        for partition in &partitions[..partitions.len() - 1] {
            frame.extend_from_slice(&(partition.len() as u32).to_le_bytes()[..3]);
        }
        partitions.iter().for_each(|partition| frame.extend_from_slice(partition));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn partitions_come_back(
            (log2, partitions) in (0..4u8).prop_flat_map(|log2| {
                let one = prop::collection::vec(any::<u8>(), 0..300);
                (Just(log2), prop::collection::vec(one, 1 << log2))
            })
        ) {
            let mut frame = Vec::new();
            TokenPartitions::write(&partitions, &mut frame);
            let found: Vec<&[u8]> = TokenPartitions::split(&frame, log2).unwrap().iter().collect();
            prop_assert_eq!(found, partitions);
        }

        #[test]
        fn a_truncated_frame_has_short_partitions(length in 0..200usize) {
            let mut frame = Vec::new();
            TokenPartitions::write(&[vec![1; 50], vec![2; 50], vec![3; 50], vec![4; 50]], &mut frame);
            let split = TokenPartitions::split(&frame[..length], 2);
            if length < 9 {
                prop_assert_eq!(split, Err(PartitionError { needed: 9, found: length }));
            } else {
                let total: usize = split.unwrap().iter().map(<[u8]>::len).sum();
                prop_assert_eq!(total, length - 9);
            }
        }
    }
}
