//! What bools do to every interval that the bool coder may have at once (RFC 6386 §7.3): for coding several of them with one look-up.

/// Intervals a coder may have between bools: widths of 128 to 255.
pub(crate) const WIDTHS: usize = 128;

/// Each interval as some bools leave it, by its first width less 1, modulo their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Intervals {
    /// Its width less 1: 127..=254.
    pub(crate) width_less_1: [u32; WIDTHS],
    /// By how many bits it was widened.
    pub(crate) shift: [u32; WIDTHS],
    /// How far its bottom has risen, counted in those bits.
    pub(crate) risen: [u32; WIDTHS],
}

impl Intervals {
    /// Before any bool.
    pub(crate) fn untouched() -> Self {
        let width_less_1 = std::array::from_fn(|i| if i == WIDTHS - 1 { 127 } else { 128 + i as u32 });
        Self { width_less_1, shift: [0; WIDTHS], risen: [0; WIDTHS] }
    }

    /// After one more bool, which is false with `probability` in 256ths.
    #[must_use]
    pub(crate) fn after(&self, bit: bool, probability: u8) -> Self {
        let mut after = self.clone();
        after.narrow(bit, probability);
        after
    }

    fn narrow(&mut self, bit: bool, probability: u8) {
        return_with_avx2!(steps::narrow(self, bit, probability));
        self.narrow_by_definition(bit, probability);
    }

    #[inline(always)]
    pub(super) fn narrow_by_definition(&mut self, bit: bool, probability: u8) {
        for i in 0..WIDTHS {
            let split = 1 + ((self.width_less_1[i] * u32::from(probability)) >> 8);
            let width = if bit { self.width_less_1[i] + 1 - split } else { split };
            let shift = width.leading_zeros() - 24;
            self.width_less_1[i] = (width << shift) - 1;
            // Of no use once it is over 24 bits wide.
            self.risen[i] = self.risen[i].wrapping_add(if bit { split } else { 0 }) << shift;
            self.shift[i] += shift;
        }
    }
}
