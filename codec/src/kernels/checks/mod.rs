//! Every vector version against its definition, to the bit: random and worst-case input, all sizes, positions between
//! samples and limits, several strides.
//!
//! Blocks to be read end with their slice, so that a load beyond them panics. Blocks to be written lie amid other samples,
//! which are compared too. On a processor without AVX2 both sides are the definition.

mod difference;
mod edge_filter;
mod interpolate;
mod intra;
mod tokens;
mod transforms;

/// Random numbers that are the same in every run (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// What samples look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Texture {
    Black,
    White,
    /// Black and white in turn.
    Stripes,
    /// Black and white at random.
    Extremes,
    Noise,
    /// A slope with a little noise, and now and then a step: what filters work on.
    Calm,
}

impl Texture {
    pub(super) const ALL: [Self; 6] =
        [Self::Black, Self::White, Self::Stripes, Self::Extremes, Self::Noise, Self::Calm];

    /// Rows of `stride` samples.
    pub(super) fn paint(self, length: usize, stride: usize, random: &mut Random) -> Vec<u8> {
        let (base, slope, step) = (random.below(256) as usize, random.below(4) as usize, random.below(60) as usize);
        let sample = |at: usize| match self {
            Self::Black => 0,
            Self::White => 255,
            Self::Stripes => (at % 2 * 255) as u8,
            Self::Extremes => (random.below(2) * 255) as u8,
            Self::Noise => random.next() as u8,
            Self::Calm => {
                let (x, y) = (at % stride, at / stride);
                let steps = (x / 8 + y / 8) % 2 * step;
                (base + slope * (x + y) + steps + random.below(6) as usize).min(255) as u8
            }
        };
        (0..length).map(sample).collect()
    }
}

/// Pairs of textures: each with itself and with all others.
pub(super) fn pairs_of_textures() -> impl Iterator<Item = (Texture, Texture)> {
    Texture::ALL.into_iter().flat_map(|a| Texture::ALL.into_iter().map(move |b| (a, b)))
}

/// How many samples `rows` rows of `width` take at `stride`, the last of them cut off behind the block.
pub(super) fn exact(width: usize, rows: usize, stride: usize) -> usize {
    (rows - 1) * stride + width
}
