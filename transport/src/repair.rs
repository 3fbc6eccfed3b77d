//! Repair of frames: packets that make up for any others of their frame that were lost. With `n` slices and `r` repair
//! slices, any `n` of the `n + r` give the frame back.
//!
//! A systematic Reed-Solomon code over GF(2⁸) with a Cauchy matrix (Blömer et al. 1995): repair slice j is the sum over the
//! slices i of `slice[i] / (x_j + y_i)`, where `x_j = 128 + j` and `y_i = i`; every square part of such a matrix can be
//! inverted. Slices are taken as padded with zeros to the length of the first.

/// Frames of more slices are not repaired: so many packets mean a link on which a lost one costs little.
pub(crate) const MAX_REPAIRED_SLICES: usize = 64;

/// No frame has more repair slices.
pub(crate) const MAX_REPAIR_SLICES: usize = 64;

/// The repair slice of this number (below [`MAX_REPAIR_SLICES`]) for at most [`MAX_REPAIRED_SLICES`] slices, of which
/// only the last may be shorter than the first.
pub(crate) fn repair_slice<'a>(slices: impl Iterator<Item = &'a [u8]>, number: usize) -> Vec<u8> {
    let mut sum = Vec::new();
    for (index, slice) in slices.enumerate() {
        if index == 0 {
            sum = vec![0; slice.len()];
        }
        add_scaled(&mut sum, slice, coefficient(number, index));
    }
    sum
}

/// Fills in the slices that are missing, if there are repair slices enough: `repair` has numbers and bytes, all of one
/// length that no slice exceeds. Answers whether none is missing now; filled ones have that length, padding included.
pub(crate) fn fill_in(slices: &mut [Option<Vec<u8>>], repair: &[(usize, Vec<u8>)]) -> bool {
    let missing: Vec<usize> = (0..slices.len()).filter(|&index| slices[index].is_none()).collect();
    if missing.len() > repair.len() {
        return false;
    }
    // What the missing slices alone would have given: one equation for each of them.
    let mut equations: Vec<(Vec<u8>, Vec<u8>)> = repair[..missing.len()]
        .iter()
        .map(|(number, bytes)| {
            let mut sum = bytes.clone();
            for (index, slice) in slices.iter().enumerate() {
                if let Some(slice) = slice {
                    add_scaled(&mut sum, slice, coefficient(*number, index));
                }
            }
            (missing.iter().map(|&index| coefficient(*number, index)).collect(), sum)
        })
        .collect();
    for place in 0..missing.len() {
        let Some(pivot) = (place..missing.len()).find(|&row| equations[row].0[place] != 0) else { return false };
        equations.swap(place, pivot);
        let (row, sum) = &mut equations[place];
        let scale = inverse(row[place]);
        row.iter_mut().chain(sum.iter_mut()).for_each(|byte| *byte = product(*byte, scale));
        let (row, sum) = equations[place].clone();
        for (other, (other_row, other_sum)) in equations.iter_mut().enumerate() {
            let scale = other_row[place];
            if other != place && scale != 0 {
                add_scaled(other_row, &row, scale);
                add_scaled(other_sum, &sum, scale);
            }
        }
    }
    for (index, (_, sum)) in missing.into_iter().zip(equations) {
        slices[index] = Some(sum);
    }
    true
}

fn coefficient(repair: usize, slice: usize) -> u8 {
    inverse((128 + (repair % MAX_REPAIR_SLICES) as u8) ^ (slice % MAX_REPAIRED_SLICES) as u8)
}

/// Adds `slice` times `scale` to the beginning of `sum`: in this field, adding is exclusive or.
fn add_scaled(sum: &mut [u8], slice: &[u8], scale: u8) {
    let products: [u8; 256] = std::array::from_fn(|byte| product(byte as u8, scale));
    for (sum, &byte) in sum.iter_mut().zip(slice) {
        *sum ^= products[usize::from(byte)];
    }
}

fn product(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    POWERS[usize::from(LOGARITHMS[usize::from(a)]) + usize::from(LOGARITHMS[usize::from(b)])]
}

/// Of anything but 0, which has none.
fn inverse(a: u8) -> u8 {
    POWERS[255 - usize::from(LOGARITHMS[usize::from(a)])]
}

/// Powers of 2 in GF(2⁸) modulo x⁸ + x⁴ + x³ + x² + 1, twice over, and their logarithms.
const TABLES: ([u8; 510], [u8; 256]) = {
    let (mut powers, mut logarithms) = ([0; 510], [0; 256]);
    let (mut value, mut exponent) = (1_u16, 0);
    while exponent < 255 {
        powers[exponent] = value as u8;
        powers[exponent + 255] = value as u8;
        logarithms[value as usize] = exponent as u8;
        value <<= 1;
        if value & 0x100 != 0 {
            value ^= 0x11d;
        }
        exponent += 1;
    }
    (powers, logarithms)
};
static POWERS: [u8; 510] = TABLES.0;
static LOGARITHMS: [u8; 256] = TABLES.1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_slice_and_its_repair_by_hand() {
        // 1 / (128 ^ 0), and 2 * 142 = 0x11c, which is 1 modulo 0x11d: 128 is 2⁷, its inverse 142⁷.
        let scale = (0..7).fold(1, |scale, _| product(scale, 142));
        assert_eq!(product(2, 142), 1);
        assert_eq!(repair_slice([&[1, 0, 2][..]].into_iter(), 0), [scale, 0, product(2, scale)]);
    }

    proptest! {
        #[test]
        fn any_packets_as_many_as_the_slices_give_the_frame_back(
            bytes in prop::collection::vec(any::<u8>(), 1..400), count in 1usize..=MAX_REPAIRED_SLICES,
            repairs in 0usize..=MAX_REPAIR_SLICES, order in any::<u64>(),
        ) {
            let length = bytes.len().div_ceil(count);
            let slices: Vec<&[u8]> = bytes.chunks(length).collect();
            let mut packets: Vec<(usize, Vec<u8>)> = slices.iter().map(|slice| slice.to_vec()).enumerate().collect();
            packets.extend((0..repairs).map(|n| (slices.len() + n, repair_slice(slices.iter().copied(), n))));
            // A shuffle from one number: which packets arrive.
            let mut state = order;
            for place in (1..packets.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                packets.swap(place, (state >> 33) as usize % (place + 1));
            }
            let (mut held, mut repair) = (vec![None; slices.len()], Vec::new());
            for (index, packet) in packets.into_iter().take(slices.len()) {
                if index < slices.len() { held[index] = Some(packet) } else { repair.push((index - slices.len(), packet)) }
            }
            let fewer = &repair[..repair.len().saturating_sub(1)];
            prop_assert!(repair.is_empty() || !fill_in(&mut held.clone(), fewer));
            prop_assert!(fill_in(&mut held, &repair));
            let mut whole: Vec<u8> = held.into_iter().flatten().flatten().collect();
            whole.truncate(bytes.len());
            prop_assert_eq!(whole, bytes);
        }
    }
}
