//! How finely a version is coded: a quantizer, and on the way to the next one how gladly levels are dropped for the bits they
//! save. That costs nothing to say, and moves a frame's size by a percent where the next quantizer would by five.

use crate::QuantizerIndex;
use crate::bitstream::frame_header::QuantizerHeader;
use crate::quantizer::QuantizerSteps;

/// All that one version of a frame has of its own: a place between the quantizers, in sixteenths of the way from one to the next.
/// The smaller it is, the finer the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fineness(u16);

/// Parts of the way from one quantizer to the next.
const PARTS: u16 = 16;

impl Fineness {
    /// The coarsest there is.
    pub const COARSEST: Self = Self(PARTS * QuantizerIndex::MAX.value() as u16);

    /// The nearest to `parts` sixteenths of a quantizer step from the finest.
    pub(super) fn saturating(parts: i64) -> Self {
        Self(parts.clamp(0, Self::COARSEST.parts()) as u16)
    }

    /// Sixteenths of a quantizer step from the finest.
    pub(super) fn parts(self) -> i64 {
        self.0.into()
    }

    /// The quantizer: the last one on the way.
    pub fn quantizer(self) -> QuantizerIndex {
        QuantizerIndex::saturating(i32::from(self.0 / PARTS))
    }

    /// What bits are worth where levels are weighed against them, from what they are worth at the quantizer. At the next one, frames
    /// were measured to be as large as when bits count for the fourth power of the ratio of both steps.
    pub(super) fn worth<const N: usize>(self, at_quantizer: [u64; N]) -> [i64; N] {
        let part = u64::from(self.0 % PARTS);
        let next = Self(self.0 + PARTS).quantizer();
        let [this, next] = [self.quantizer(), next].map(|quantizer| {
            let [_, step] = QuantizerSteps::new(quantizer, &QuantizerHeader::default()).y;
            (step as u64).pow(4)
        });
        at_quantizer.map(|worth| (worth + worth * part * (next - this) / (this * u64::from(PARTS))) as i64)
    }
}

/// A quantizer itself: levels are weighed so that most picture comes of the bits.
impl From<QuantizerIndex> for Fineness {
    fn from(quantizer: QuantizerIndex) -> Self {
        Self(PARTS * u16::from(quantizer.value()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_quantizers_bits_count_for_more_and_more() {
        for parts in 0..Fineness::COARSEST.parts() {
            let [fine, coarse] = [parts, parts + 1].map(Fineness::saturating);
            if fine.quantizer() == coarse.quantizer() {
                assert!(fine.worth([1000]) < coarse.worth([1000]), "{fine:?}");
            } else {
                assert_eq!(coarse, Fineness::from(coarse.quantizer()));
                assert_eq!(coarse.worth([1000]), [1000]);
            }
        }
    }
}
