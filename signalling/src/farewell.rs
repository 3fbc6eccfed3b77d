//! How a call ends, as both ends tell it: a number in QUIC's closing frame, and words for a person.

use std::fmt;

/// Why it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Farewell {
    /// Someone hung up.
    HungUp,
    /// The answerer said no.
    Declined,
    /// The answerer is in another call.
    Busy,
    /// The ticket's secret is none of the answerer's.
    WrongTicket,
    /// The ticket was good for a call that has been.
    UsedTicket,
    /// Nobody said yes or no.
    Unanswered,
    /// The two speak different versions.
    Version,
    /// The other end said what it may not.
    Protocol,
    /// The program ended, or something in it failed.
    Failed,
    /// Another of the caller's attempts was faster.
    Spare,
    /// Nothing was heard for too long. Nobody says it; it is found.
    Silent,
    /// One side sent more than any call has.
    Flood,
    /// A number of a later version.
    Unknown(u32),
}

impl Farewell {
    /// The number in the closing frame.
    pub fn code(self) -> u32 {
        match self {
            Self::Unknown(code) => code,
            known => 1 + KNOWN.iter().position(|&other| other == known).unwrap_or_default() as u32,
        }
    }

    /// What a number means.
    pub fn from_code(code: u64) -> Self {
        let place = usize::try_from(code).ok().and_then(|code| code.checked_sub(1));
        let known = place.and_then(|place| KNOWN.get(place)).copied();
        known.unwrap_or_else(|| Self::Unknown(u32::try_from(code).unwrap_or(u32::MAX)))
    }
}

impl fmt::Display for Farewell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HungUp => "the other side hung up",
            Self::Declined => "the other side said no",
            Self::Busy => "busy: the other side is in another call",
            Self::WrongTicket => "the ticket is wrong: the other side has printed another one",
            Self::UsedTicket => "the ticket was used for a call already: ask for the new one that was printed after it",
            Self::Unanswered => "nobody answered",
            Self::Version => "the two programs speak different versions: update the older one",
            Self::Protocol => "the two programs misunderstood each other: are both of this version?",
            Self::Failed => "the other side's program failed",
            Self::Spare => "another connection was faster",
            Self::Silent => "the other side is gone: nothing was heard from it for seconds",
            Self::Flood => "the call was cut off: one side sent more than any call has",
            Self::Unknown(code) => {
                return write!(f, "the other side ended it for a reason of a later version ({code})");
            }
        })
    }
}

impl std::error::Error for Farewell {}

/// Those with numbers, from 1 on. New ones go to the end.
const KNOWN: [Farewell; 12] = [
    Farewell::HungUp,
    Farewell::Declined,
    Farewell::Busy,
    Farewell::WrongTicket,
    Farewell::UsedTicket,
    Farewell::Unanswered,
    Farewell::Version,
    Farewell::Protocol,
    Farewell::Failed,
    Farewell::Spare,
    Farewell::Silent,
    Farewell::Flood,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_read_back() {
        for code in (0..20).chain([u32::MAX]) {
            assert_eq!(Farewell::from_code(code.into()).code(), code);
        }
        for known in KNOWN {
            assert_eq!(Farewell::from_code(known.code().into()), known);
        }
        assert_eq!(Farewell::from_code(u64::MAX), Farewell::Unknown(u32::MAX));
    }
}
