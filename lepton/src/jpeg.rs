//! Just as much of JPEG (ITU-T T.81) as handing over in the middle of a scan takes: segments, tables, and the lengths of
//! what codes a block. No pictures.

pub(crate) mod bits;
pub(crate) mod entropy;
pub(crate) mod header;
pub(crate) mod huffman;
