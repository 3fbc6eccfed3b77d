//! The name of some bytes: their SHA-256 and how many they are, as in the Remote Execution API.

use std::fmt;
use std::str::FromStr;

use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use sha2::{Digest as _, Sha256};

/// What some bytes are called.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    hash: [u8; 32],
    bytes: u64,
}

/// Text that is no digest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestError {
    /// The text.
    pub text: String,
}

impl fmt::Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no digest: 64 hexadecimal digits, a slash, a number of bytes", self.text)
    }
}

impl std::error::Error for DigestError {}

impl Digest {
    /// The digest of `data`.
    pub fn of(data: &[u8]) -> Self {
        Self { hash: Sha256::digest(data).into(), bytes: data.len() as u64 }
    }

    /// How many bytes it names.
    pub fn bytes(self) -> u64 {
        self.bytes
    }

    /// The SHA-256 in hexadecimal.
    pub fn hash(self) -> String {
        self.hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn message(self) -> api::Digest {
        api::Digest { hash: self.hash(), size_bytes: i64::try_from(self.bytes).unwrap_or(i64::MAX) }
    }

    /// The digest that a message has where it must have one; none if it has none, or something else.
    pub(crate) fn of_part(part: &Option<api::Digest>) -> Option<Self> {
        Self::from_message(part.as_ref()?).ok()
    }

    pub(crate) fn from_message(message: &api::Digest) -> Result<Self, DigestError> {
        let no_digest = || DigestError { text: format!("{}/{}", message.hash, message.size_bytes) };
        let bytes = u64::try_from(message.size_bytes).map_err(|_| no_digest())?;
        let digits = message.hash.as_bytes();
        let (pairs, rest) = digits.as_chunks::<2>();
        let mut hash = [0; 32];
        if pairs.len() != hash.len() || !rest.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(no_digest());
        }
        for (byte, pair) in hash.iter_mut().zip(pairs) {
            let [high, low] = pair.map(|digit| char::from(digit).to_digit(16).unwrap_or_default() as u8);
            *byte = high << 4 | low;
        }
        Ok(Self { hash, bytes })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.hash(), self.bytes)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no_digest = || DigestError { text: text.to_owned() };
        let (hash, bytes) = text.split_once('/').ok_or_else(no_digest)?;
        let size_bytes = bytes.parse().map_err(|_| no_digest())?;
        Self::from_message(&api::Digest { hash: hash.to_owned(), size_bytes }).map_err(|_| no_digest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_digest_of_nothing_is_the_known_one() {
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/0";
        assert_eq!(Digest::of(b"").to_string(), nothing);
    }

    proptest! {
        #[test]
        fn a_digest_reads_back(data in prop::collection::vec(any::<u8>(), 0..100)) {
            let digest = Digest::of(&data);
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
            prop_assert_eq!(Digest::from_message(&digest.message()), Ok(digest));
        }

        #[test]
        fn other_text_is_refused(text in "\\PC{0,80}") {
            prop_assert!(text.parse::<Digest>().is_err());
        }
    }
}
