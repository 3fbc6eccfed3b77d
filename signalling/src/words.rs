//! Three words that both people read to each other: the same at both ends only if nobody stands between them.
//!
//! They are made of what TLS exports of the session (a channel binding, RFC 9266) and of a random number of each end. The
//! caller binds itself to its number before it hears the answerer's, as ZRTP does (RFC 6189 §4.4.1.1): someone between the two
//! cannot choose numbers until the words agree, but has one guess in 2^24.

use std::fmt;

use crate::word_list::WORDS;

/// What TLS exports of a session: the same at both its ends, and of no other session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Binding(pub [u8; 32]);

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Binding(…)")
    }
}

/// An end's random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce(pub [u8; 16]);

impl Nonce {
    /// What binds one to this number.
    pub fn commitment(&self) -> Commitment {
        Commitment(blake3::derive_key("oyster 1 the caller's number", &self.0))
    }
}

/// A number's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment(pub [u8; 32]);

/// What to read aloud. Shown as words with spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words([&'static str; 3]);

impl Words {
    /// Of a session and both ends' numbers.
    pub fn of(binding: &Binding, caller: &Nonce, answerer: &Nonce) -> Self {
        let material = [&binding.0[..], &caller.0, &answerer.0].concat();
        let [a, b, c, ..] = blake3::derive_key("oyster 1 words to be read aloud", &material);
        Self([a, b, c].map(|byte| WORDS[usize::from(byte)]))
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_part_changes_the_words() {
        let words = |binding, caller, answerer| {
            Words::of(&Binding([binding; 32]), &Nonce([caller; 16]), &Nonce([answerer; 16])).to_string()
        };
        let all = [words(0, 0, 0), words(1, 0, 0), words(0, 1, 0), words(0, 0, 1)];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 4, "{all:?}");
        assert_eq!(words(5, 6, 7), words(5, 6, 7));
        assert_eq!(all[0].split(' ').count(), 3);
    }

    #[test]
    fn words_are_short_and_none_is_there_twice() {
        assert_eq!(WORDS.iter().collect::<HashSet<_>>().len(), 256);
        let starts: HashSet<_> = WORDS.iter().map(|word| &word[..4.min(word.len())]).collect();
        assert_eq!(starts.len(), 256, "four letters tell words apart");
        for word in WORDS {
            assert!((3..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase()), "{word}");
        }
    }
}
