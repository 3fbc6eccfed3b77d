//! What all chunks of a file have in common, and a container has in its header: the scans and the primer.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::frame::{Head, decode_frame, piece_of};
use crate::jpeg::header::Scan;
use crate::stretch::Primer;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) scans: Arc<[Scan]>,
    pub(crate) primer: Option<PrimerFrame>,
}

impl Shared {
    pub(crate) fn of_scans(scans: Arc<[Scan]>) -> Self {
        Self { scans, primer: None }
    }

    /// What the model begins with, if there is a primer and it is whole.
    pub(crate) fn primer(&self) -> Option<&Primer> {
        let primer = self.primer.as_ref()?;
        primer.decoded.get_or_init(|| Primer::decode(&self.scans, Head::split(&primer.frame)?.1)).as_ref()
    }

    /// The bytes of the original that the primer codes, if they are these.
    pub(crate) fn primer_piece(&self, piece: Range<u64>) -> Option<Vec<u8>> {
        let primer = self.primer.as_ref().filter(|primer| primer.piece() == Some(piece))?;
        decode_frame(&Self::of_scans(self.scans.clone()), primer.start, &primer.frame).ok()
    }
}

/// The frame of a piece that is kept in the header.
#[derive(Clone, Debug)]
pub(crate) struct PrimerFrame {
    /// Bytes of the original before its piece.
    pub(crate) start: u64,
    pub(crate) frame: Vec<u8>,
    /// Decoded where it is first needed, which may be a thread of less rights.
    decoded: OnceLock<Option<Primer>>,
}

impl PrimerFrame {
    pub(crate) fn new(start: u64, frame: Vec<u8>) -> Self {
        Self { start, frame, decoded: OnceLock::new() }
    }

    fn piece(&self) -> Option<Range<u64>> {
        piece_of(self.start, &self.frame)
    }
}

impl PartialEq for PrimerFrame {
    fn eq(&self, other: &Self) -> bool {
        (self.start, &self.frame) == (other.start, &other.frame)
    }
}

impl Eq for PrimerFrame {}
