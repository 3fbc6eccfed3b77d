//! The trees and fixed tables of VP8's syntax (RFC 6386 §8, §11, §13, §14, §16, §17).
//!
//! A tree is a list of pairs: entry `2n + bit` of node `n` holds the next node's index (positive, already doubled) or a
//! leaf as `-value` (RFC 6386 §8.1). Node `n` takes probability `n` of the list that goes with the tree.

/// The probability, in 256ths, that a bool is false; never 0 in a conforming stream.
pub(crate) type Probability = u8;

/// Probabilities of coefficient tokens by block kind, band, context and tree node (RFC 6386 §13.4).
pub(crate) type TokenProbabilities = [[[[Probability; 11]; 3]; 8]; 4];

/// Probabilities of one component of a motion vector: is short, sign, short tree (7), long bits (10) (RFC 6386 §17.2).
pub(crate) type VectorProbabilities = [Probability; VECTOR_PROBABILITIES];

/// How many probabilities one component of a motion vector takes.
pub(crate) const VECTOR_PROBABILITIES: usize = 19;

/// Segment numbers (RFC 6386 §10).
pub(crate) const SEGMENT_TREE: [i8; 6] = [2, 4, 0, -1, -2, -3];

// The leaves of the intra trees are the discriminants of `LumaMode`, `ChromaMode` and `SubblockMode`.

/// Luma modes on key frames (RFC 6386 §11.2).
pub(crate) const KEY_LUMA_MODE_TREE: [i8; 8] = [-4, 2, 4, 6, 0, -1, -2, -3];
/// Their fixed probabilities.
pub(crate) const KEY_LUMA_MODE_PROBABILITIES: [Probability; 4] = [145, 156, 163, 128];
/// Luma modes of intra macroblocks on inter frames (RFC 6386 §16.1).
pub(crate) const LUMA_MODE_TREE: [i8; 8] = [0, 2, 4, 6, -1, -2, -3, -4];
/// Where their probabilities start on a key frame.
pub(crate) const DEFAULT_LUMA_MODE_PROBABILITIES: [Probability; 4] = [112, 86, 140, 37];
/// Chroma modes (RFC 6386 §11.2).
pub(crate) const CHROMA_MODE_TREE: [i8; 6] = [0, 2, -1, 4, -2, -3];
/// Their fixed probabilities on key frames.
pub(crate) const KEY_CHROMA_MODE_PROBABILITIES: [Probability; 3] = [142, 114, 183];
/// Where their probabilities on inter frames start.
pub(crate) const DEFAULT_CHROMA_MODE_PROBABILITIES: [Probability; 3] = [162, 101, 204];
/// Modes of 4x4 subblocks (RFC 6386 §11.2).
pub(crate) const SUBBLOCK_MODE_TREE: [i8; 18] = [0, 2, -1, 4, -2, 6, 8, 12, -3, 10, -5, -6, -4, 14, -7, 16, -8, -9];
/// Their fixed probabilities on inter frames, without contexts (RFC 6386 §16.1).
pub(crate) const SUBBLOCK_MODE_PROBABILITIES: [Probability; 9] = [120, 90, 79, 133, 87, 85, 80, 111, 151];

/// Probabilities of the modes of inter macroblocks, by what was counted among the neighbours and by node of a tree that is a
/// list: not zero, not nearest, not near, not new but split (RFC 6386 §16.2, §16.3).
pub(crate) const INTER_MODE_CONTEXTS: [[Probability; 4]; 6] =
    [[7, 1, 1, 143], [14, 18, 14, 107], [135, 64, 57, 68], [60, 56, 128, 65], [159, 134, 128, 34], [234, 188, 128, 28]];
/// How a macroblock is split: 0 into two 16x8, 1 into two 8x16, 2 into quarters, 3 into sixteenths (RFC 6386 §16.3).
pub(crate) const SPLIT_TREE: [i8; 6] = [-3, 2, -2, 4, 0, -1];
/// Its fixed probabilities.
pub(crate) const SPLIT_PROBABILITIES: [Probability; 3] = [110, 111, 150];
/// Which part each of the 16 subblocks belongs to, by kind of split.
pub(crate) const SPLIT_PARTS: [[u8; 16]; 4] = [
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1],
    [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1],
    [0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
];
/// The first subblock of each part, by kind of split.
pub(crate) const SPLIT_FIRST_SUBBLOCK: [&[u8]; 4] =
    [&[0, 8], &[0, 2], &[0, 2, 8, 10], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]];
/// Where a part's vector comes from: left, above, zero, new as 0..=3 (RFC 6386 §16.3).
pub(crate) const SUBBLOCK_VECTOR_TREE: [i8; 6] = [0, 2, -1, 4, -2, -3];
/// Its probabilities, by the vectors to the left and above: both other, left zero, above zero, equal, both zero.
pub(crate) const SUBBLOCK_VECTOR_CONTEXTS: [[Probability; 3]; 5] =
    [[147, 136, 18], [106, 145, 1], [179, 121, 1], [223, 1, 34], [208, 1, 1]];

/// Magnitudes 0..=7 of a component of a motion vector (RFC 6386 §17.2).
pub(crate) const SHORT_VECTOR_TREE: [i8; 14] = [2, 8, 4, 6, 0, -1, -2, -3, 10, 12, -4, -5, -6, -7];
/// Where the probabilities of row and column components start on a key frame (RFC 6386 §17.2).
#[rustfmt::skip]
pub(crate) const DEFAULT_VECTOR_PROBABILITIES: [VectorProbabilities; 2] = [
    [162, 128, 225, 146, 172, 147, 214, 39, 156, 128, 129, 132, 75, 145, 178, 206, 239, 254, 254],
    [164, 128, 204, 170, 119, 235, 140, 230, 228, 128, 130, 130, 74, 148, 180, 203, 236, 254, 254],
];
/// How likely each is *not* to be replaced by a frame header (RFC 6386 §17.2).
#[rustfmt::skip]
pub(crate) const VECTOR_UPDATE_PROBABILITIES: [VectorProbabilities; 2] = [
    [237, 246, 253, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 250, 250, 252, 254, 254],
    [231, 243, 245, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 251, 251, 254, 254, 254],
];

/// Raster position of each coefficient in the order of coding (RFC 6386 §13).
pub(crate) const ZIGZAG: [u8; 16] = [0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15];
/// Band of each coefficient position (RFC 6386 §13.3).
pub(crate) const COEFFICIENT_BANDS: [u8; 16] = [0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7];
/// The smallest value of each of the six categories of large coefficients (RFC 6386 §13.2).
pub(crate) const CATEGORY_BASE: [u16; 6] = [5, 7, 11, 19, 35, 67];
/// Probabilities of the extra bits of each category, most significant first (RFC 6386 §13.2).
pub(crate) const CATEGORY_PROBABILITIES: [&[Probability]; 6] = [
    &[159],
    &[165, 145],
    &[173, 148, 140],
    &[176, 155, 140, 135],
    &[180, 157, 141, 134, 130],
    &[254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129],
];

/// Step of DC coefficients by quantizer index (RFC 6386 §14.1).
#[rustfmt::skip]
pub(crate) const DC_STEPS: [u16; 128] = [
    4, 5, 6, 7, 8, 9, 10, 10, 11, 12, 13, 14, 15, 16, 17, 17,
    18, 19, 20, 20, 21, 21, 22, 22, 23, 23, 24, 25, 25, 26, 27, 28,
    29, 30, 31, 32, 33, 34, 35, 36, 37, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58,
    59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74,
    75, 76, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89,
    91, 93, 95, 96, 98, 100, 101, 102, 104, 106, 108, 110, 112, 114, 116, 118,
    122, 124, 126, 128, 130, 132, 134, 136, 138, 140, 143, 145, 148, 151, 154, 157,
];
/// Step of AC coefficients by quantizer index (RFC 6386 §14.1).
#[rustfmt::skip]
pub(crate) const AC_STEPS: [u16; 128] = [
    4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
    20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
    36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
    52, 53, 54, 55, 56, 57, 58, 60, 62, 64, 66, 68, 70, 72, 74, 76,
    78, 80, 82, 84, 86, 88, 90, 92, 94, 96, 98, 100, 102, 104, 106, 108,
    110, 112, 114, 116, 119, 122, 125, 128, 131, 134, 137, 140, 143, 146, 149, 152,
    155, 158, 161, 164, 167, 170, 173, 177, 181, 185, 189, 193, 197, 201, 205, 209,
    213, 217, 221, 225, 229, 234, 239, 245, 249, 254, 259, 264, 269, 274, 279, 284,
];

/// Probabilities of a subblock's mode on key frames, by the mode above and the mode to the left (RFC 6386 §11.5).
#[rustfmt::skip]
pub(crate) const KEY_SUBBLOCK_MODE_PROBABILITIES: [[[Probability; 9]; 10]; 10] = [
    [
        [231, 120,  48,  89, 115, 113, 120, 152, 112],
        [152, 179,  64, 126, 170, 118,  46,  70,  95],
        [175,  69, 143,  80,  85,  82,  72, 155, 103],
        [ 56,  58,  10, 171, 218, 189,  17,  13, 152],
        [144,  71,  10,  38, 171, 213, 144,  34,  26],
        [114,  26,  17, 163,  44, 195,  21,  10, 173],
        [121,  24,  80, 195,  26,  62,  44,  64,  85],
        [170,  46,  55,  19, 136, 160,  33, 206,  71],
        [ 63,  20,   8, 114, 114, 208,  12,   9, 226],
        [ 81,  40,  11,  96, 182,  84,  29,  16,  36],
    ],
    [
        [134, 183,  89, 137,  98, 101, 106, 165, 148],
        [ 72, 187, 100, 130, 157, 111,  32,  75,  80],
        [ 66, 102, 167,  99,  74,  62,  40, 234, 128],
        [ 41,  53,   9, 178, 241, 141,  26,   8, 107],
        [104,  79,  12,  27, 217, 255,  87,  17,   7],
        [ 74,  43,  26, 146,  73, 166,  49,  23, 157],
        [ 65,  38, 105, 160,  51,  52,  31, 115, 128],
        [ 87,  68,  71,  44, 114,  51,  15, 186,  23],
        [ 47,  41,  14, 110, 182, 183,  21,  17, 194],
        [ 66,  45,  25, 102, 197, 189,  23,  18,  22],
    ],
    [
        [ 88,  88, 147, 150,  42,  46,  45, 196, 205],
        [ 43,  97, 183, 117,  85,  38,  35, 179,  61],
        [ 39,  53, 200,  87,  26,  21,  43, 232, 171],
        [ 56,  34,  51, 104, 114, 102,  29,  93,  77],
        [107,  54,  32,  26,  51,   1,  81,  43,  31],
        [ 39,  28,  85, 171,  58, 165,  90,  98,  64],
        [ 34,  22, 116, 206,  23,  34,  43, 166,  73],
        [ 68,  25, 106,  22,  64, 171,  36, 225, 114],
        [ 34,  19,  21, 102, 132, 188,  16,  76, 124],
        [ 62,  18,  78,  95,  85,  57,  50,  48,  51],
    ],
    [
        [193, 101,  35, 159, 215, 111,  89,  46, 111],
        [ 60, 148,  31, 172, 219, 228,  21,  18, 111],
        [112, 113,  77,  85, 179, 255,  38, 120, 114],
        [ 40,  42,   1, 196, 245, 209,  10,  25, 109],
        [100,  80,   8,  43, 154,   1,  51,  26,  71],
        [ 88,  43,  29, 140, 166, 213,  37,  43, 154],
        [ 61,  63,  30, 155,  67,  45,  68,   1, 209],
        [142,  78,  78,  16, 255, 128,  34, 197, 171],
        [ 41,  40,   5, 102, 211, 183,   4,   1, 221],
        [ 51,  50,  17, 168, 209, 192,  23,  25,  82],
    ],
    [
        [125,  98,  42,  88, 104,  85, 117, 175,  82],
        [ 95,  84,  53,  89, 128, 100, 113, 101,  45],
        [ 75,  79, 123,  47,  51, 128,  81, 171,   1],
        [ 57,  17,   5,  71, 102,  57,  53,  41,  49],
        [115,  21,   2,  10, 102, 255, 166,  23,   6],
        [ 38,  33,  13, 121,  57,  73,  26,   1,  85],
        [ 41,  10,  67, 138,  77, 110,  90,  47, 114],
        [101,  29,  16,  10,  85, 128, 101, 196,  26],
        [ 57,  18,  10, 102, 102, 213,  34,  20,  43],
        [117,  20,  15,  36, 163, 128,  68,   1,  26],
    ],
    [
        [138,  31,  36, 171,  27, 166,  38,  44, 229],
        [ 67,  87,  58, 169,  82, 115,  26,  59, 179],
        [ 63,  59,  90, 180,  59, 166,  93,  73, 154],
        [ 40,  40,  21, 116, 143, 209,  34,  39, 175],
        [ 57,  46,  22,  24, 128,   1,  54,  17,  37],
        [ 47,  15,  16, 183,  34, 223,  49,  45, 183],
        [ 46,  17,  33, 183,   6,  98,  15,  32, 183],
        [ 65,  32,  73, 115,  28, 128,  23, 128, 205],
        [ 40,   3,   9, 115,  51, 192,  18,   6, 223],
        [ 87,  37,   9, 115,  59,  77,  64,  21,  47],
    ],
    [
        [104,  55,  44, 218,   9,  54,  53, 130, 226],
        [ 64,  90,  70, 205,  40,  41,  23,  26,  57],
        [ 54,  57, 112, 184,   5,  41,  38, 166, 213],
        [ 30,  34,  26, 133, 152, 116,  10,  32, 134],
        [ 75,  32,  12,  51, 192, 255, 160,  43,  51],
        [ 39,  19,  53, 221,  26, 114,  32,  73, 255],
        [ 31,   9,  65, 234,   2,  15,   1, 118,  73],
        [ 88,  31,  35,  67, 102,  85,  55, 186,  85],
        [ 56,  21,  23, 111,  59, 205,  45,  37, 192],
        [ 55,  38,  70, 124,  73, 102,   1,  34,  98],
    ],
    [
        [102,  61,  71,  37,  34,  53,  31, 243, 192],
        [ 69,  60,  71,  38,  73, 119,  28, 222,  37],
        [ 68,  45, 128,  34,   1,  47,  11, 245, 171],
        [ 62,  17,  19,  70, 146,  85,  55,  62,  70],
        [ 75,  15,   9,   9,  64, 255, 184, 119,  16],
        [ 37,  43,  37, 154, 100, 163,  85, 160,   1],
        [ 63,   9,  92, 136,  28,  64,  32, 201,  85],
        [ 86,   6,  28,   5,  64, 255,  25, 248,   1],
        [ 56,   8,  17, 132, 137, 255,  55, 116, 128],
        [ 58,  15,  20,  82, 135,  57,  26, 121,  40],
    ],
    [
        [164,  50,  31, 137, 154, 133,  25,  35, 218],
        [ 51, 103,  44, 131, 131, 123,  31,   6, 158],
        [ 86,  40,  64, 135, 148, 224,  45, 183, 128],
        [ 22,  26,  17, 131, 240, 154,  14,   1, 209],
        [ 83,  12,  13,  54, 192, 255,  68,  47,  28],
        [ 45,  16,  21,  91,  64, 222,   7,   1, 197],
        [ 56,  21,  39, 155,  60, 138,  23, 102, 213],
        [ 85,  26,  85,  85, 128, 128,  32, 146, 171],
        [ 18,  11,   7,  63, 144, 171,   4,   4, 246],
        [ 35,  27,  10, 146, 174, 171,  12,  26, 128],
    ],
    [
        [190,  80,  35,  99, 180,  80, 126,  54,  45],
        [ 85, 126,  47,  87, 176,  51,  41,  20,  32],
        [101,  75, 128, 139, 118, 146, 116, 128,  85],
        [ 56,  41,  15, 176, 236,  85,  37,   9,  62],
        [146,  36,  19,  30, 171, 255,  97,  27,  20],
        [ 71,  30,  17, 119, 118, 255,  17,  18, 138],
        [101,  38,  60, 138,  55,  70,  43,  26, 142],
        [138,  45,  61,  62, 219,   1,  81, 188,  64],
        [ 32,  41,  20, 117, 151, 142,  20,  21, 163],
        [112,  19,  12,  61, 195, 128,  48,   4,  24],
    ],
];
