//! EBML (RFC 8794), as far as a Matroska file is written with it: an element is an id, a size and a body.

/// An element's bytes.
pub(super) fn element(id: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = head(id, body.len() as u64);
    bytes.extend_from_slice(body);
    bytes
}

/// An element of elements.
pub(super) fn master(id: u32, children: &[Vec<u8>]) -> Vec<u8> {
    element(id, &children.concat())
}

/// An unsigned integer in as few bytes as it takes.
pub(super) fn unsigned(id: u32, value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let leading = (value.leading_zeros() / 8).min(7) as usize;
    element(id, &bytes[leading..])
}

/// A float of eight bytes.
pub(super) fn float(id: u32, value: f64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// An element that means nothing and takes `bytes` in all, at least 9 and at most 128: room for what is known later.
pub(super) fn void(bytes: usize) -> Vec<u8> {
    element(0xec, &vec![0; bytes - 2])
}

/// What precedes a body: the id, which is written as it is, and the body's size in as few bytes as it takes.
pub(super) fn head(id: u32, size: u64) -> Vec<u8> {
    let mut bytes = id.to_be_bytes()[(id.leading_zeros() / 8) as usize..].to_vec();
    // A size of 7n bits has n bytes; all of them ones would mean that it is unknown.
    let length = (1..8).find(|length| size < (1 << (7 * length)) - 1).unwrap_or(8);
    let marked = size | 1 << (7 * length);
    bytes.extend_from_slice(&marked.to_be_bytes()[8 - length..]);
    bytes
}

/// A size of eight bytes, to be written over later.
pub(super) fn long_size(size: u64) -> [u8; 8] {
    (size | 1 << 56).to_be_bytes()
}

/// The size of a body whose end is not known yet.
pub(super) const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_short_as_may_be() {
        assert_eq!(head(0xae, 0), [0xae, 0x80]);
        assert_eq!(head(0xae, 126), [0xae, 0xfe]);
        assert_eq!(head(0xae, 127), [0xae, 0x40, 0x7f]);
        assert_eq!(head(0x1a45_dfa3, 16_382), [0x1a, 0x45, 0xdf, 0xa3, 0x7f, 0xfe]);
        assert_eq!(head(0x4282, 16_383), [0x42, 0x82, 0x20, 0x3f, 0xff]);
        assert_eq!(long_size(5), [1, 0, 0, 0, 0, 0, 0, 5]);
    }

    #[test]
    fn integers_are_as_short_as_may_be() {
        assert_eq!(unsigned(0xd7, 0), [0xd7, 0x81, 0]);
        assert_eq!(unsigned(0xd7, 255), [0xd7, 0x81, 255]);
        assert_eq!(unsigned(0xd7, 256), [0xd7, 0x82, 1, 0]);
        assert_eq!(unsigned(0xd7, u64::MAX), [0xd7, 0x88, 255, 255, 255, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn room_is_as_large_as_it_says() {
        assert_eq!([9, 64, 128].map(|bytes| void(bytes).len()), [9, 64, 128]);
    }
}
