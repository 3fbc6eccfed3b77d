//! VP8's syntax: each element's reader and writer side by side (RFC 6386 §7 to §20).

pub(crate) mod bool_coder;
pub(crate) mod tables;
pub(crate) mod token_probabilities;
