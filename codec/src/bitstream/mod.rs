//! VP8's syntax: each element's reader and writer side by side (RFC 6386 §7 to §20).

pub(crate) mod bool_coder;
pub(crate) mod frame_header;
pub(crate) mod modes;
pub(crate) mod partitions;
pub(crate) mod probabilities;
pub(crate) mod symbols;
pub(crate) mod tables;
pub(crate) mod token_probabilities;
pub(crate) mod tokens;
pub(crate) mod vectors;
