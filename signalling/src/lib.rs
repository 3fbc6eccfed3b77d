//! What two peers say to each other beside pictures and sound: the [`Ticket`] one gives the other, the [`Message`]s of a call's
//! stream, the [`Datagram`]s' first bytes, and the [`Dialogue`] that lets neither camera nor microphone open before the person
//! in front of it has said yes.
//!
//! It opens nothing and reads no clock: bytes, secrets and random numbers are arguments. Whatever comes from a peer becomes a
//! typed value within limits or an error.
//!
//! ```
//! use oyster_signalling::{Fingerprint, Secret, Ticket};
//!
//! let ticket = Ticket::new(Fingerprint::of(b"a certificate"), Secret([7; 16]), ["192.0.2.1:4433".parse()?]);
//! let text = ticket.to_string();
//! assert!(text.starts_with("oy1"));
//! assert_eq!(text.parse::<Ticket>()?, ticket);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod datagram;
mod dialogue;
mod farewell;
mod message;
mod read;
mod ticket;
mod word_list;
mod words;

pub use datagram::{Datagram, DatagramError, Label};
pub use dialogue::{Dialogue, Input, Offer, Output, Stage};
pub use farewell::Farewell;
pub use message::{
    Abilities, Hello, MAX_MESSAGE_BYTES, MediaState, Message, MessageError, ProgramName, Report, Welcome,
};
pub use ticket::{Fingerprint, MAX_ADDRESSES, Secret, Ticket, TicketError};
pub use words::{Binding, Commitment, Nonce, Words};

/// The version of what is said here. A peer of another one says so in its hello.
pub const VERSION: u16 = 1;
