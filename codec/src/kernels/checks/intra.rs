//! Intra prediction.
