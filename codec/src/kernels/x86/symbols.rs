//! From levels to symbols, a whole block a vector.

use super::memory::{load_32_bytes, load_coefficients, load_unsigned, store_unsigned};
use crate::bitstream::symbols::{END, FIRST_SYMBOLS, SYMBOLS_OF_CONTEXT, Symbol};
use crate::bitstream::tables::{CATEGORY_BASE, ZIGZAG};
use crate::kernels::symbols::{LARGEST_PLAIN, Listed, MOST_SYMBOLS, MacroblockLevels};
use std::arch::x86_64::*;

/// What puts a block's levels into zigzag order from its first position on: bytes taken from a lane's own half of the block, and from
/// the other.
struct Order {
    own: [u8; 32],
    other: [u8; 32],
}

const fn order(first: usize) -> Order {
    let mut order = Order { own: [0x80; 32], other: [0x80; 32] };
    let mut byte = 0;
    while byte < 32 - 2 * first {
        let from = 2 * ZIGZAG[byte / 2 + first] as usize + byte % 2;
        let within = (from % 16) as u8;
        if from / 16 == byte / 16 {
            order.own[byte] = within;
        } else {
            order.other[byte] = within;
        }
        byte += 1;
    }
    order
}

/// By first position.
static ORDERS: [Order; 2] = [order(0), order(1)];

/// The first symbols of each context after a level of 0, from the block's first position on; there after neighbours. By kind and by
/// how many neighbours have levels.
static BASES: [[[Symbol; 16]; 3]; 4] = {
    let mut bases = [[[0; 16]; 3]; 4];
    let mut at = 0;
    while at < 12 {
        let (kind, context) = (at / 3, at % 3);
        let first = if kind == 0 { 1 } else { 0 };
        let mut i = 0;
        while i < 16 - first {
            bases[kind][context][i] = FIRST_SYMBOLS[kind][i + first];
            i += 1;
        }
        bases[kind][context][0] += (SYMBOLS_OF_CONTEXT * context) as Symbol;
        at += 1;
    }
    bases
};

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn list(macroblock: &MacroblockLevels, symbols: &mut [Symbol; MOST_SYMBOLS]) -> Listed {
    let places = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let mut largest = _mm256_setzero_si256();
    let mut count = 0;
    macroblock.each_block(|block, kind, first| {
        if macroblock.coded >> block & 1 == 0 {
            symbols[count] = macroblock.nothing(block, kind, first);
            count += 1;
            return;
        }
        let levels = 16 - macroblock.nonzero[block].leading_zeros() as usize - first;
        let (own, other) = (load_32_bytes(&ORDERS[first].own), load_32_bytes(&ORDERS[first].other));
        let raster = load_coefficients(&macroblock.blocks[block]);
        let swapped = _mm256_permute4x64_epi64::<0b01_00_11_10>(raster);
        let zigzag = _mm256_or_si256(_mm256_shuffle_epi8(raster, own), _mm256_shuffle_epi8(swapped, other));
        let magnitudes = _mm256_abs_epi16(zigzag);
        largest = _mm256_max_epi16(largest, magnitudes);
        let mut tokens = magnitudes;
        if _mm256_movemask_epi8(_mm256_cmpgt_epi16(magnitudes, _mm256_set1_epi16(LARGEST_PLAIN as i16))) != 0 {
            tokens = _mm256_min_epi16(magnitudes, _mm256_set1_epi16(LARGEST_PLAIN as i16 + 1));
            for base in &CATEGORY_BASE[1..] {
                let reaches = _mm256_cmpgt_epi16(magnitudes, _mm256_set1_epi16(*base as i16 - 1));
                tokens = _mm256_sub_epi16(tokens, reaches);
            }
        }
        // What comes before is one place further down.
        let classes = _mm256_min_epi16(magnitudes, _mm256_set1_epi16(2));
        let lower = _mm256_permute2x128_si256::<0x08>(classes, classes);
        let before = _mm256_alignr_epi8::<14>(classes, lower);
        let contexts = _mm256_mullo_epi16(before, _mm256_set1_epi16(SYMBOLS_OF_CONTEXT as i16));
        let is_over = _mm256_cmpgt_epi16(places, _mm256_set1_epi16(levels as i16 - 1));
        let end = _mm256_and_si256(is_over, _mm256_set1_epi16(2 * END as i16));
        let said = _mm256_add_epi16(_mm256_add_epi16(tokens, tokens), _mm256_srli_epi16::<15>(zigzag));
        let bases = load_unsigned(&BASES[kind][usize::from(macroblock.contexts[block].min(2))]);
        let all = _mm256_add_epi16(_mm256_add_epi16(bases, contexts), _mm256_add_epi16(said, end));
        let room = symbols[count..].first_chunk_mut().expect("there is room for sixteen symbols of each block");
        store_unsigned(room, all);
        count += (levels + 1).min(16 - first);
    });
    let has_large = _mm256_movemask_epi8(_mm256_cmpgt_epi16(largest, _mm256_set1_epi16(LARGEST_PLAIN as i16))) != 0;
    Listed { count, has_large }
}
