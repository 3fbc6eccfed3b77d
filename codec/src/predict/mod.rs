//! Prediction of whole macroblocks, from the frame itself or from references (RFC 6386 §12, §18).

pub(crate) mod inter;
pub(crate) mod intra;
