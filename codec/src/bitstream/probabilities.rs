//! The probabilities that frame headers adjust and that last from frame to frame (RFC 6386 §9.9 to §9.11).

use super::bool_coder::{BoolDecoder, BoolEncoder};
use super::tables::{
    DEFAULT_CHROMA_MODE_PROBABILITIES, DEFAULT_LUMA_MODE_PROBABILITIES, DEFAULT_VECTOR_PROBABILITIES, Probability,
    TokenProbabilities, VECTOR_PROBABILITIES, VECTOR_UPDATE_PROBABILITIES, VectorProbabilities,
};
use super::token_probabilities::{DEFAULT_TOKEN_PROBABILITIES, TOKEN_UPDATE_PROBABILITIES};

/// All probabilities that last from frame to frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Probabilities {
    /// Of coefficient tokens.
    pub(crate) tokens: TokenProbabilities,
    /// Of row and column components of motion vectors.
    pub(crate) vectors: [VectorProbabilities; 2],
    /// Of luma modes of intra macroblocks on inter frames.
    pub(crate) luma_modes: [Probability; 4],
    /// Of chroma modes of intra macroblocks on inter frames.
    pub(crate) chroma_modes: [Probability; 3],
}

impl Default for Probabilities {
    /// Where a key frame starts.
    fn default() -> Self {
        Self {
            tokens: DEFAULT_TOKEN_PROBABILITIES,
            vectors: DEFAULT_VECTOR_PROBABILITIES,
            luma_modes: DEFAULT_LUMA_MODE_PROBABILITIES,
            chroma_modes: DEFAULT_CHROMA_MODE_PROBABILITIES,
        }
    }
}

impl Probabilities {
    /// How many bytes [`Self::bytes`] gives.
    pub(crate) const BYTES: usize = 4 * 8 * 3 * 11 + 2 * VECTOR_PROBABILITIES + 4 + 3;

    /// All of them: tokens by kind, band, context and node; vectors, rows first; luma modes; chroma modes.
    pub(crate) fn bytes(&self) -> impl Iterator<Item = u8> {
        let tokens = self.tokens.as_flattened().as_flattened().as_flattened();
        let vectors = self.vectors.as_flattened();
        tokens.iter().chain(vectors).chain(&self.luma_modes).chain(&self.chroma_modes).copied()
    }

    /// The probabilities whose [`Self::bytes`] are `bytes`.
    pub(crate) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut all = Self::default();
        let tokens = all.tokens.as_flattened_mut().as_flattened_mut().as_flattened_mut();
        let targets = tokens
            .iter_mut()
            .chain(all.vectors.as_flattened_mut())
            .chain(&mut all.luma_modes)
            .chain(&mut all.chroma_modes);
        for (target, &byte) in targets.zip(bytes) {
            *target = byte;
        }
        all
    }
}

/// The token probabilities that a frame header replaces (RFC 6386 §13.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenUpdates(pub(crate) [[[[Option<Probability>; 11]; 3]; 8]; 4]);

impl TokenUpdates {
    /// What turns `from` into `to`.
    pub(crate) fn between(from: &TokenProbabilities, to: &TokenProbabilities) -> Self {
        let mut updates = Self::default();
        let flat = updates.flat_mut().iter_mut();
        for ((update, &from), &to) in flat.zip(flatten(from)).zip(flatten(to)) {
            *update = (from != to).then_some(to);
        }
        updates
    }

    /// Makes the replacements.
    pub(crate) fn apply(&self, probabilities: &mut TokenProbabilities) {
        let targets = probabilities.as_flattened_mut().as_flattened_mut().as_flattened_mut();
        for (target, update) in targets.iter_mut().zip(self.flat()) {
            *target = update.unwrap_or(*target);
        }
    }

    /// Reads them.
    pub(crate) fn read(decoder: &mut BoolDecoder<'_>) -> Self {
        let mut updates = Self::default();
        for (update, &unlikely) in updates.flat_mut().iter_mut().zip(flatten(&TOKEN_UPDATE_PROBABILITIES)) {
            if decoder.read(unlikely) {
                *update = Some(decoder.read_literal(8) as u8);
            }
        }
        updates
    }

    /// Writes them.
    pub(crate) fn write(&self, encoder: &mut BoolEncoder) {
        for (&update, &unlikely) in self.flat().iter().zip(flatten(&TOKEN_UPDATE_PROBABILITIES)) {
            encoder.write(update.is_some(), unlikely);
            if let Some(probability) = update {
                encoder.write_literal(probability.into(), 8);
            }
        }
    }

    fn flat(&self) -> &[Option<Probability>] {
        self.0.as_flattened().as_flattened().as_flattened()
    }

    fn flat_mut(&mut self) -> &mut [Option<Probability>] {
        self.0.as_flattened_mut().as_flattened_mut().as_flattened_mut()
    }
}

fn flatten(probabilities: &TokenProbabilities) -> &[Probability] {
    probabilities.as_flattened().as_flattened().as_flattened()
}

/// The vector probabilities that a frame header replaces: 1 or an even number each (RFC 6386 §17.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VectorUpdates(pub(crate) [[Option<Probability>; VECTOR_PROBABILITIES]; 2]);

impl VectorUpdates {
    /// The nearest probability to `probability` that the 7 bits of an update can say.
    pub(crate) fn nearest(probability: Probability) -> Probability {
        (probability & !1).max(1)
    }

    /// Makes the replacements.
    pub(crate) fn apply(&self, probabilities: &mut [VectorProbabilities; 2]) {
        for (target, update) in probabilities.as_flattened_mut().iter_mut().zip(self.0.as_flattened()) {
            *target = update.unwrap_or(*target);
        }
    }

    /// Reads them.
    pub(crate) fn read(decoder: &mut BoolDecoder<'_>) -> Self {
        let mut updates = Self::default();
        let unlikely = VECTOR_UPDATE_PROBABILITIES.as_flattened();
        for (update, &unlikely) in updates.0.as_flattened_mut().iter_mut().zip(unlikely) {
            if decoder.read(unlikely) {
                let value = decoder.read_literal(7) as u8;
                *update = Some(if value == 0 { 1 } else { value << 1 });
            }
        }
        updates
    }

    /// Writes them.
    pub(crate) fn write(&self, encoder: &mut BoolEncoder) {
        for (&update, &unlikely) in self.0.as_flattened().iter().zip(VECTOR_UPDATE_PROBABILITIES.as_flattened()) {
            encoder.write(update.is_some(), unlikely);
            if let Some(probability) = update {
                debug_assert_eq!(probability, Self::nearest(probability), "an update has 7 bits");
                encoder.write_literal(u32::from(probability >> 1), 7);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn probabilities_come_back_from_their_bytes(bytes in prop::collection::vec(any::<u8>(), Probabilities::BYTES)) {
            let probabilities = Probabilities::from_bytes(bytes.as_slice().try_into().unwrap());
            prop_assert_eq!(probabilities.bytes().collect::<Vec<_>>(), bytes);
        }

        #[test]
        fn updates_lead_from_one_table_to_the_other(bytes in prop::collection::vec(any::<u8>(), Probabilities::BYTES)) {
            let from = Probabilities::default();
            let to = Probabilities::from_bytes(bytes.as_slice().try_into().unwrap());
            let mut encoder = BoolEncoder::new();
            TokenUpdates::between(&from.tokens, &to.tokens).write(&mut encoder);
            let mut reached = from.tokens;
            TokenUpdates::read(&mut BoolDecoder::new(&encoder.finish())).apply(&mut reached);
            prop_assert_eq!(reached, to.tokens);
        }

        #[test]
        fn vector_updates_come_back(values in prop::collection::vec(prop::option::of(1..=255u8), 38)) {
            let mut updates = VectorUpdates::default();
            for (update, value) in updates.0.as_flattened_mut().iter_mut().zip(values) {
                *update = value.map(VectorUpdates::nearest);
            }
            let mut encoder = BoolEncoder::new();
            updates.write(&mut encoder);
            prop_assert_eq!(VectorUpdates::read(&mut BoolDecoder::new(&encoder.finish())), updates);
        }
    }
}
