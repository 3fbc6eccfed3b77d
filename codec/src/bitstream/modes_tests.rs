//! Whatever macroblocks a frame may hold, their headers are read back as they were written.

use super::super::bool_coder::BoolEncoder;
use super::super::vectors::MAX_CODED_COMPONENT;
use super::*;
use crate::Size;
use crate::macroblock::Subblocks;
use proptest::prelude::*;

/// Draws for one macroblock, made into a valid one once its neighbours are known.
#[derive(Clone, Debug)]
struct Draw {
    macroblock: Macroblock,
    subblocks: Subblocks,
    /// The difference of a new vector.
    difference: MotionVector,
}

fn any_vector(limit: i16) -> impl Strategy<Value = MotionVector> {
    // Few values, so that neighbours are often equal.
    (-limit..=limit, -limit..=limit).prop_map(|(row, column)| MotionVector { row: row * 4, column: column * 4 })
}

fn any_draw() -> impl Strategy<Value = Draw> {
    (
        (0..5u8, 0..5u8, 0..4u8, 0..4u8, 0..4u8, any::<bool>(), any_vector(30)),
        (prop::collection::vec(any_vector(1), 16), prop::collection::vec(0..10usize, 16), 0..4u8),
    )
        .prop_map(|((intra, inter, chroma, reference, segment, skip, difference), (vectors, modes, split))| {
            let references = [Reference::Intra, Reference::Last, Reference::Golden, Reference::AltRef];
            let reference = references[usize::from(reference)];
            let luma_mode = match reference {
                Reference::Intra => LumaMode::from_intra_leaf(intra),
                _ => LumaMode::from_inter_leaf(inter),
            };
            let chroma_mode = match reference {
                Reference::Intra => ChromaMode::from_leaf(chroma),
                _ => ChromaMode::Dc,
            };
            Draw {
                macroblock: Macroblock { luma_mode, chroma_mode, reference, segment, skip, ..Macroblock::OUTSIDE },
                subblocks: Subblocks {
                    vectors: std::array::from_fn(|i| {
                        vectors[usize::from(
                            SPLIT_FIRST_SUBBLOCK[usize::from(split)][usize::from(SPLIT_PARTS[usize::from(split)][i])],
                        )]
                    }),
                    modes: std::array::from_fn(|i| SubblockMode::ALL[modes[i]]),
                    split,
                },
                difference,
            }
        })
}

const COLUMNS: usize = 5;
const ROWS: usize = 4;

fn coding(is_key: bool, says_segments: bool, says_skip: bool) -> ModeCoding {
    let probabilities = Probabilities::default();
    ModeCoding {
        segment_probabilities: says_segments.then_some([100, 150, 200]),
        skip_probability: says_skip.then_some(190),
        inter: (!is_key).then_some(InterModeCoding {
            intra_probability: 60,
            last_probability: 130,
            golden_probability: 90,
            luma_modes: probabilities.luma_modes,
            chroma_modes: probabilities.chroma_modes,
            vectors: probabilities.vectors,
            sign_biases: [false, false, true, false],
        }),
    }
}

/// Makes the draws into a frame that `coding` can say, as an encoder would, macroblock by macroblock.
fn frame(coding: &ModeCoding, draws: &[Draw]) -> MacroblockGrid {
    let mut grid = MacroblockGrid::new(Size::new(COLUMNS as u32 * 16, ROWS as u32 * 16).unwrap());
    for (index, draw) in draws.iter().enumerate() {
        let (row, column) = (index / COLUMNS, index % COLUMNS);
        let cell = grid.cell(row, column);
        let mut macroblock = draw.macroblock;
        if coding.inter.is_none() && macroblock.reference != Reference::Intra {
            macroblock = Macroblock { reference: Reference::Intra, luma_mode: LumaMode::Subblocks, ..macroblock };
        }
        if coding.segment_probabilities.is_none() {
            macroblock.segment = 0;
        }
        macroblock.skip &= coding.skip_probability.is_some();
        if macroblock.reference != Reference::Intra {
            let bounds = VectorBounds::new(row, column, ROWS, COLUMNS);
            let biases = coding.inter.as_ref().unwrap().sign_biases;
            let suggestions = Suggestions::find(&grid, cell, macroblock.reference, biases, &bounds);
            macroblock.vector = match macroblock.luma_mode {
                LumaMode::Nearest => suggestions.nearest,
                LumaMode::Near => suggestions.near,
                LumaMode::New => suggestions.best.plus(draw.difference),
                LumaMode::Split => draw.subblocks.vectors[15],
                _ => MotionVector::ZERO,
            };
        }
        assert!(macroblock.vector.row.abs() < MAX_CODED_COMPONENT);
        *grid.macroblock_mut(cell) = macroblock;
        *grid.subblocks_mut(cell) = draw.subblocks;
    }
    grid
}

proptest! {
    #[test]
    fn macroblock_headers_come_back(
        draws in prop::collection::vec(any_draw(), COLUMNS * ROWS),
        (is_key, says_segments, says_skip) in any::<(bool, bool, bool)>(),
    ) {
        let coding = coding(is_key, says_segments, says_skip);
        let written = frame(&coding, &draws);
        let mut encoder = BoolEncoder::new();
        for (row, column) in (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| (row, column))) {
            coding.write_segment_and_skip(&mut encoder, written.macroblock(written.cell(row, column)));
            coding.write_modes(&mut encoder, &written, row, column);
        }
        let bytes = encoder.finish();

        let mut decoder = BoolDecoder::new(&bytes);
        let mut read = MacroblockGrid::new(Size::new(COLUMNS as u32 * 16, ROWS as u32 * 16).unwrap());
        for (row, column) in (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| (row, column))) {
            coding.read(&mut decoder, &mut read, row, column, 0);
            let cell = read.cell(row, column);
            let macroblock = read.macroblock(cell);
            prop_assert_eq!(macroblock, written.macroblock(cell));
            match macroblock.luma_mode {
                LumaMode::Split => {
                    prop_assert_eq!(read.subblocks(cell).vectors, written.subblocks(cell).vectors);
                    prop_assert_eq!(read.subblocks(cell).split, written.subblocks(cell).split);
                }
                LumaMode::Subblocks => prop_assert_eq!(read.subblocks(cell).modes, written.subblocks(cell).modes),
                _ => {}
            }
        }
    }
}
