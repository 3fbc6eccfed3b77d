//! The messages of a call's reliable stream. Each is a length (two bytes), a kind (one byte) and its fields, all numbers
//! big-endian; reader and writer of each stand side by side. Kinds of later versions are passed over.

use std::fmt;

use crate::VERSION;
use crate::read::Reader;
use crate::ticket::Secret;
use crate::words::{Commitment, Nonce};

/// What one end says to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The caller's first word.
    Hello(Hello),
    /// The answerer's, once the hello was good.
    Welcome(Welcome),
    /// The caller's number, which its hello was bound to.
    Reveal(Nonce),
    /// The answerer's person said yes.
    Accept,
    /// What the other end need not expect now.
    Media(MediaState),
    /// How the call goes, once a second.
    Report(Report),
}

/// Who calls, and by what right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Of what is said here: [`VERSION`].
    pub version: u16,
    /// The caller's program.
    pub program: ProgramName,
    /// What it can do.
    pub abilities: Abilities,
    /// The ticket's.
    pub secret: Secret,
    /// Binds the caller to a number before it knows the answerer's.
    pub commitment: Commitment,
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Of what is said here: [`VERSION`].
    pub version: u16,
    /// The answerer's program.
    pub program: ProgramName,
    /// What it can do.
    pub abilities: Abilities,
    /// The answerer's number.
    pub nonce: Nonce,
}

/// The name and version of a program: at most [`ProgramName::MAX_BYTES`] printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramName(String);

impl ProgramName {
    /// Bytes at most.
    pub const MAX_BYTES: usize = 32;

    /// The name, what does not fit left out.
    pub fn new(name: &str) -> Self {
        Self(name.chars().filter(|&character| Self::allows(character)).take(Self::MAX_BYTES).collect())
    }

    fn allows(character: char) -> bool {
        character == ' ' || character.is_ascii_graphic()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let length = usize::from(reader.u8()?);
        let name = std::str::from_utf8(reader.slice(length)?).ok()?;
        (length <= Self::MAX_BYTES && name.chars().all(Self::allows)).then(|| Self(name.to_owned()))
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.0.len() as u8); // at most MAX_BYTES
        bytes.extend_from_slice(self.0.as_bytes());
    }
}

impl fmt::Display for ProgramName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A set of things a program can do; those of later versions are kept and mean nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities(pub u32);

impl Abilities {
    /// Takes VP8 from any state.
    pub const VIDEO: Self = Self(1);
    /// Takes Opus.
    pub const SOUND: Self = Self(2);

    /// Both sets together.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in it.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What an end sends at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaState {
    /// No sound.
    pub muted: bool,
    /// No pictures.
    pub camera_off: bool,
}

/// How the call goes, seen from one end; what it does not know is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Your clock minus mine, µs.
    pub clock_offset_us: Option<i64>,
    /// Of the pictures I get: signal delay from your camera to my screen, median of the call so far, in tenths of a millisecond.
    pub delay_p50_tenths: Option<u32>,
    /// Likewise, what 95 in 100 stay below.
    pub delay_p95_tenths: Option<u32>,
    /// Pictures shown a second, in tenths.
    pub shown_tenths: Option<u32>,
    /// Of the pictures I send: their likeness to what was captured, SSIM of luma in hundredths of a decibel.
    pub ssim_centibels: Option<u32>,
    /// What I send, kbit/s.
    pub sent_kbps: Option<u32>,
    /// What of it is lost, in thousandths.
    pub lost_thousandths: Option<u32>,
}

impl Report {
    /// The small fields, in the order in which they are written.
    fn small(&mut self) -> [&mut Option<u32>; 6] {
        [
            &mut self.delay_p50_tenths,
            &mut self.delay_p95_tenths,
            &mut self.shown_tenths,
            &mut self.ssim_centibels,
            &mut self.sent_kbps,
            &mut self.lost_thousandths,
        ]
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let offset = Some(reader.i64()?).filter(|&offset| offset != i64::MIN);
        if offset.is_some_and(|offset| offset.unsigned_abs() > MAX_CLOCK_OFFSET_US) {
            return None;
        }
        let mut report = Self { clock_offset_us: offset, ..Self::default() };
        for field in report.small() {
            let value = reader.u32()?;
            *field = (value != u32::MAX).then_some(value);
        }
        Some(report)
    }

    fn write(mut self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.clock_offset_us.unwrap_or(i64::MIN).to_be_bytes());
        for field in self.small() {
            bytes.extend_from_slice(&field.unwrap_or(u32::MAX).to_be_bytes());
        }
    }
}

impl Message {
    /// The bytes to write: the length first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; LENGTH_BYTES];
        match self {
            Self::Hello(hello) => {
                bytes.push(KIND_HELLO);
                bytes.extend_from_slice(&hello.version.to_be_bytes());
                hello.program.write(&mut bytes);
                bytes.extend_from_slice(&hello.abilities.0.to_be_bytes());
                bytes.extend_from_slice(&hello.secret.0);
                bytes.extend_from_slice(&hello.commitment.0);
            }
            Self::Welcome(welcome) => {
                bytes.push(KIND_WELCOME);
                bytes.extend_from_slice(&welcome.version.to_be_bytes());
                welcome.program.write(&mut bytes);
                bytes.extend_from_slice(&welcome.abilities.0.to_be_bytes());
                bytes.extend_from_slice(&welcome.nonce.0);
            }
            Self::Reveal(nonce) => {
                bytes.push(KIND_REVEAL);
                bytes.extend_from_slice(&nonce.0);
            }
            Self::Accept => bytes.push(KIND_ACCEPT),
            Self::Media(state) => {
                bytes.extend_from_slice(&[KIND_MEDIA, u8::from(state.muted) | u8::from(state.camera_off) << 1]);
            }
            Self::Report(report) => {
                bytes.push(KIND_REPORT);
                report.write(&mut bytes);
            }
        }
        let length = (bytes.len() - LENGTH_BYTES) as u16; // a hello is the longest, and has not two hundred
        bytes[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        bytes
    }

    /// Takes the first message off `bytes`: it and how many bytes it took; none if they end before it does. A kind of a later
    /// version is passed over: its bytes are taken, and there is no message.
    ///
    /// # Errors
    /// A [`MessageError`] for what [`Message::to_bytes`] of no version writes: there is nothing more to be had from this peer.
    pub fn take(bytes: &[u8]) -> Result<Option<(Option<Self>, usize)>, MessageError> {
        let mut reader = Reader(bytes);
        let Some(length) = reader.u16().map(usize::from) else { return Ok(None) };
        if length == 0 || length > MAX_MESSAGE_BYTES {
            return Err(MessageError::Length { bytes: length });
        }
        let Some(content) = reader.slice(length) else { return Ok(None) };
        Ok(Some((Self::from_content(content)?, LENGTH_BYTES + length)))
    }

    fn from_content(content: &[u8]) -> Result<Option<Self>, MessageError> {
        let mut reader = Reader(content);
        let kind = reader.u8().ok_or(MessageError::Length { bytes: 0 })?;
        if kind > KIND_REPORT {
            return Ok(None);
        }
        // Another version's hello and welcome may go on differently: that it is another one is all there is to know.
        if matches!(kind, KIND_HELLO | KIND_WELCOME)
            && let Some(version) = Reader(reader.0).u16().filter(|&version| version != VERSION)
        {
            return Err(MessageError::Version { version });
        }
        let message = Self::read(kind, &mut reader).filter(|_| reader.is_done());
        message.map(Some).ok_or(MessageError::Malformed { kind })
    }

    fn read(kind: u8, reader: &mut Reader<'_>) -> Option<Self> {
        Some(match kind {
            KIND_HELLO => Self::Hello(Hello {
                version: reader.u16()?,
                program: ProgramName::read(reader)?,
                abilities: Abilities(reader.u32()?),
                secret: Secret(reader.array()?),
                commitment: Commitment(reader.array()?),
            }),
            KIND_WELCOME => Self::Welcome(Welcome {
                version: reader.u16()?,
                program: ProgramName::read(reader)?,
                abilities: Abilities(reader.u32()?),
                nonce: Nonce(reader.array()?),
            }),
            KIND_REVEAL => Self::Reveal(Nonce(reader.array()?)),
            KIND_ACCEPT => Self::Accept,
            KIND_MEDIA => {
                let bits = reader.u8().filter(|&bits| bits < 4)?;
                Self::Media(MediaState { muted: bits & 1 == 1, camera_off: bits & 2 == 2 })
            }
            KIND_REPORT => Self::Report(Report::read(reader)?),
            _ => return None,
        })
    }
}

/// Why bytes are no message of any version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageError {
    /// A message of no bytes, or of more than [`MAX_MESSAGE_BYTES`].
    Length {
        /// How many it announced.
        bytes: usize,
    },
    /// A hello or welcome of another version.
    Version {
        /// Which.
        version: u16,
    },
    /// Fields that its kind does not have.
    Malformed {
        /// Its kind.
        kind: u8,
    },
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { bytes } => write!(f, "a message of {bytes} bytes is not within 1 to {MAX_MESSAGE_BYTES}"),
            Self::Version { version } => write!(f, "a peer of version {version}, and this is version {VERSION}"),
            Self::Malformed { kind } => write!(f, "a message of kind {kind} that is malformed"),
        }
    }
}

impl std::error::Error for MessageError {}

/// A message is no longer, its length not counted: room for later versions.
pub const MAX_MESSAGE_BYTES: usize = 1024;

/// Sums and differences of times stay far inside an i64; no clock is 4,500 years ahead.
const MAX_CLOCK_OFFSET_US: u64 = 1 << 57;

const LENGTH_BYTES: usize = 2;
const KIND_HELLO: u8 = 1;
const KIND_WELCOME: u8 = 2;
const KIND_REVEAL: u8 = 3;
const KIND_ACCEPT: u8 = 4;
const KIND_MEDIA: u8 = 5;
const KIND_REPORT: u8 = 6;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLOCKS_US: i64 = MAX_CLOCK_OFFSET_US as i64;

    fn messages() -> impl Strategy<Value = Message> {
        let names = ".{0,60}".prop_map(|name| ProgramName::new(&name));
        let hello = (names.clone(), any::<u32>(), any::<[u8; 16]>(), any::<[u8; 32]>());
        let fields = prop::collection::vec(prop::option::of(0..u32::MAX), 6);
        prop_oneof![
            hello.prop_map(|(program, abilities, secret, commitment)| Message::Hello(Hello {
                version: VERSION,
                program,
                abilities: Abilities(abilities),
                secret: Secret(secret),
                commitment: Commitment(commitment),
            })),
            (names, any::<u32>(), any::<[u8; 16]>()).prop_map(|(program, abilities, nonce)| Message::Welcome(
                Welcome { version: VERSION, program, abilities: Abilities(abilities), nonce: Nonce(nonce) }
            )),
            any::<[u8; 16]>().prop_map(|nonce| Message::Reveal(Nonce(nonce))),
            Just(Message::Accept),
            any::<(bool, bool)>().prop_map(|(muted, camera_off)| Message::Media(MediaState { muted, camera_off })),
            (prop::option::of(-CLOCKS_US..=CLOCKS_US), fields).prop_map(|(clock_offset_us, fields)| {
                let mut report = Report { clock_offset_us, ..Report::default() };
                for (field, value) in report.small().into_iter().zip(fields) {
                    *field = value;
                }
                Message::Report(report)
            }),
        ]
    }

    proptest! {
        #[test]
        fn messages_read_back_one_after_another(said in prop::collection::vec(messages(), 0..5), tail in 0_usize..3) {
            let mut bytes: Vec<u8> = said.iter().flat_map(Message::to_bytes).collect();
            bytes.extend_from_slice(&[0, 9, 1][..tail]);
            let mut rest = &bytes[..];
            let mut heard = Vec::new();
            while let Some((message, taken)) = Message::take(rest).unwrap() {
                heard.extend(message);
                rest = &rest[taken..];
            }
            prop_assert_eq!(heard, said);
            prop_assert_eq!(rest.len(), tail);
        }

        #[test]
        fn any_bytes_are_an_error_or_what_we_would_write(
            kind in 0_u8..9, content in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let mut bytes = (content.len() as u16 + 1).to_be_bytes().to_vec();
            bytes.push(kind);
            bytes.extend_from_slice(&content);
            if let Ok(Some((Some(message), taken))) = Message::take(&bytes) {
                prop_assert_eq!(message.to_bytes(), &bytes[..taken]);
            }
        }
    }

    #[test]
    fn a_kind_of_a_later_version_is_passed_over() {
        assert_eq!(Message::take(&[0, 3, 77, 1, 2, 0]), Ok(Some((None, 5))));
    }

    #[test]
    fn lengths_stay_within_their_limit() {
        assert_eq!(Message::take(&[0, 0]), Err(MessageError::Length { bytes: 0 }));
        assert_eq!(Message::take(&[4, 1]), Err(MessageError::Length { bytes: 1025 }));
        assert_eq!(Message::take(&[4, 0]), Ok(None));
    }

    #[test]
    fn a_hello_of_another_version_says_which() {
        assert_eq!(Message::take(&[0, 4, KIND_HELLO, 0, 2, 9]), Err(MessageError::Version { version: 2 }));
    }

    #[test]
    fn a_clock_that_cannot_be_is_no_report() {
        for offset in [CLOCKS_US + 1, -CLOCKS_US - 1, i64::MAX, i64::MIN + 1] {
            let bytes = Message::Report(Report { clock_offset_us: Some(offset), ..Report::default() }).to_bytes();
            assert_eq!(Message::take(&bytes), Err(MessageError::Malformed { kind: KIND_REPORT }));
        }
    }

    #[test]
    fn a_name_keeps_what_can_be_printed() {
        assert_eq!(ProgramName::new("oy\nster \u{1b}[31m0.1é").to_string(), "oyster [31m0.1");
        assert_eq!(ProgramName::new(&"x".repeat(99)).to_string().len(), ProgramName::MAX_BYTES);
    }
}
