//! The ticket: everything the caller has to know, as one word to be copied. `oy1`, then in base 32 (RFC 4648 §6, small letters,
//! no padding) the answerer's fingerprint, a secret that is good for one call, the addresses to try, and a checksum.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use crate::read::Reader;

/// The name of an identity: the BLAKE3 hash of its certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of a certificate, as it is in DER.
    pub fn of(certificate: &[u8]) -> Self {
        Self(*blake3::hash(certificate).as_bytes())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = TicketError;

    /// The 64 hexadecimal digits that are shown.
    fn from_str(text: &str) -> Result<Self, TicketError> {
        let digit = |place: usize| text.as_bytes().get(place).and_then(|&digit| char::from(digit).to_digit(16));
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().enumerate() {
            let (Some(high), Some(low)) = (digit(2 * place), digit(2 * place + 1)) else {
                return Err(TicketError::Fingerprint);
            };
            *byte = (high << 4 | low) as u8;
        }
        if text.len() == 64 { Ok(Self(bytes)) } else { Err(TicketError::Fingerprint) }
    }
}

/// What a caller proves to have been given. 128 random bits, good for one call.
#[derive(Clone, Copy)]
pub struct Secret(pub [u8; 16]);

impl PartialEq for Secret {
    /// Takes the same time whatever differs.
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).fold(0, |differs, (left, right)| differs | (left ^ right)) == 0
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Whom to call, where, and the right to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Who answers.
    pub fingerprint: Fingerprint,
    /// Good for one call.
    pub secret: Secret,
    addresses: Vec<SocketAddr>,
}

impl Ticket {
    /// A ticket with the first [`MAX_ADDRESSES`] of these addresses. Scopes and flow labels of IPv6 are not carried.
    pub fn new(fingerprint: Fingerprint, secret: Secret, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let plain = |address: SocketAddr| SocketAddr::new(address.ip(), address.port());
        Self { fingerprint, secret, addresses: addresses.into_iter().map(plain).take(MAX_ADDRESSES).collect() }
    }

    /// Where to try; perhaps nowhere.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [&self.fingerprint.0[..], &self.secret.0].concat();
        bytes.push(self.addresses.len() as u8); // at most MAX_ADDRESSES
        for address in &self.addresses {
            match address.ip() {
                IpAddr::V4(ip) => {
                    bytes.push(4);
                    bytes.extend_from_slice(&ip.octets());
                }
                IpAddr::V6(ip) => {
                    bytes.push(6);
                    bytes.extend_from_slice(&ip.octets());
                }
            }
            bytes.extend_from_slice(&address.port().to_be_bytes());
        }
        bytes.extend_from_slice(&checksum(&bytes));
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, TicketError> {
        let (content, sum) = bytes.split_last_chunk().ok_or(TicketError::Damaged)?;
        if *sum != checksum(content) {
            return Err(TicketError::Damaged);
        }
        let mut reader = Reader(content);
        let ticket = Self::read(&mut reader).filter(|_| reader.is_done());
        ticket.ok_or(TicketError::Unreadable)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (fingerprint, secret) = (Fingerprint(reader.array()?), Secret(reader.array()?));
        let count = usize::from(reader.u8()?);
        if count > MAX_ADDRESSES {
            return None;
        }
        let address = |reader: &mut Reader<'_>| {
            let ip = match reader.u8()? {
                4 => IpAddr::V4(Ipv4Addr::from(reader.array()?)),
                6 => IpAddr::V6(Ipv6Addr::from(reader.array::<16>()?)),
                _ => return None,
            };
            Some(SocketAddr::new(ip, reader.u16()?))
        };
        let addresses = (0..count).map(|_| address(reader)).collect::<Option<_>>()?;
        Some(Self { fingerprint, secret, addresses })
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        f.write_str(&base32(&self.to_bytes()))
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    fn from_str(text: &str) -> Result<Self, TicketError> {
        let text = text.trim();
        if text.len() > MAX_TEXT_BYTES {
            return Err(TicketError::TooLong { bytes: text.len() });
        }
        let text = text.to_ascii_lowercase();
        match text.strip_prefix(PREFIX) {
            Some(body) => Self::from_bytes(&from_base32(body)?),
            None => Err(match text.strip_prefix(FAMILY).and_then(|rest| rest.chars().next()) {
                Some(version) if version.is_ascii_digit() => TicketError::Version { version },
                _ => TicketError::NoTicket,
            }),
        }
    }
}

/// Why a text is no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketError {
    /// Something else altogether.
    NoTicket,
    /// Of another version than ours.
    Version {
        /// Which.
        version: char,
    },
    /// Longer than any ticket.
    TooLong {
        /// How long.
        bytes: usize,
    },
    /// A character that no ticket has.
    Character {
        /// Which.
        character: char,
    },
    /// The checksum says that something is missing or changed.
    Damaged,
    /// The checksum is right, but what it is of is not what we would write.
    Unreadable,
    /// Not 64 hexadecimal digits.
    Fingerprint,
}

impl fmt::Display for TicketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTicket => write!(f, "no ticket: one begins with {PREFIX}, as `oyster answer` prints it"),
            Self::Version { version } => {
                write!(
                    f,
                    "a ticket of version {version}, and this oyster reads version 1: one of the two is to be updated"
                )
            }
            Self::TooLong { bytes } => write!(f, "no ticket: {bytes} characters are more than any has"),
            Self::Character { character } => write!(f, "no ticket has the character {character:?}"),
            Self::Damaged => write!(f, "the ticket is damaged, its checksum does not fit: was it copied as a whole?"),
            Self::Unreadable => write!(f, "the ticket cannot be read, although its checksum fits"),
            Self::Fingerprint => write!(f, "a fingerprint is 64 hexadecimal digits"),
        }
    }
}

impl std::error::Error for TicketError {}

fn checksum(content: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = *blake3::hash(content).as_bytes();
    [a, b, c, d]
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(5) {
        let value = group.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte)) << (8 * (5 - group.len()));
        let digits = (8 * group.len()).div_ceil(5);
        text.extend((0..digits).map(|digit| char::from(DIGITS[(value >> (35 - 5 * digit) & 31) as usize])));
    }
    text
}

fn from_base32(text: &str) -> Result<Vec<u8>, TicketError> {
    let mut bytes = Vec::new();
    let (mut value, mut bits) = (0_u32, 0);
    for character in text.chars() {
        let digit = DIGITS.iter().position(|&digit| char::from(digit) == character);
        let digit = digit.ok_or(TicketError::Character { character })?;
        value = (value << 5 | digit as u32) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((value >> bits) as u8);
        }
    }
    // What is left over is less than a digit of zeros, or it is not what we wrote.
    if bits < 5 && value & ((1 << bits) - 1) == 0 { Ok(bytes) } else { Err(TicketError::Damaged) }
}

const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const FAMILY: &str = "oy";
const PREFIX: &str = "oy1";
/// Addresses in a ticket: more interfaces than a person's machine has.
pub const MAX_ADDRESSES: usize = 8;
/// The longest ticket: a prefix, and eight addresses of IPv6 beside the rest.
const MAX_TEXT_BYTES: usize = 3 + (32 + 16 + 1 + 8 * 19 + 4) * 8 / 5 + 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn tickets()(
            fingerprint: [u8; 32], secret: [u8; 16],
            addresses in prop::collection::vec((any::<IpAddr>(), any::<u16>()), 0..=MAX_ADDRESSES),
        ) -> Ticket {
            Ticket::new(Fingerprint(fingerprint), Secret(secret), addresses.into_iter().map(SocketAddr::from))
        }
    }

    proptest! {
        #[test]
        fn a_ticket_reads_back_as_it_was_written(ticket in tickets()) {
            let text = ticket.to_string();
            prop_assert_eq!(text.parse(), Ok(ticket.clone()));
            prop_assert_eq!(text.to_uppercase().parse(), Ok(ticket));
        }

        #[test]
        fn a_changed_character_is_noticed(ticket in tickets(), place: prop::sample::Index, digit in 0_usize..32) {
            let mut text = ticket.to_string().into_bytes();
            let place = PREFIX.len() + place.index(text.len() - PREFIX.len());
            prop_assume!(text[place] != DIGITS[digit]);
            text[place] = DIGITS[digit];
            prop_assert!(String::from_utf8(text).unwrap().parse::<Ticket>().is_err());
        }

        #[test]
        fn a_ticket_cut_short_is_noticed(ticket in tickets(), place: prop::sample::Index) {
            let text = ticket.to_string();
            prop_assert!(text[..place.index(text.len())].parse::<Ticket>().is_err());
        }

        #[test]
        fn any_text_is_a_ticket_or_an_error(text in "(oy1)?.{0,300}") {
            if let Ok(ticket) = text.parse::<Ticket>() {
                prop_assert_eq!(ticket.to_string(), text.trim().to_ascii_lowercase());
            }
        }

        #[test]
        fn a_fingerprint_is_shown_as_it_is_read(bytes: [u8; 32]) {
            prop_assert_eq!(Fingerprint(bytes).to_string().parse(), Ok(Fingerprint(bytes)));
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        for (text, words) in [
            ("", "no ticket: one begins with oy1"),
            ("hello", "no ticket: one begins with oy1"),
            ("oy2abc", "a ticket of version 2"),
            ("oy1ab!", "'!'"),
            ("oy1abcdefgh", "was it copied as a whole"),
            (&"a".repeat(5000), "5000 characters"),
        ] {
            let error = text.parse::<Ticket>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn a_ticket_with_one_address_has_a_hundred_characters() {
        let ticket = Ticket::new(Fingerprint([1; 32]), Secret([2; 16]), ["192.0.2.1:4433".parse().unwrap()]);
        assert_eq!(ticket.to_string().len(), 99);
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert!(!format!("{:?}", Secret([0x55; 16])).contains("55"));
    }
}
