//! Two machines find each other and talk in secret: identities, the ticket's addresses, dialling and answering with quinn, and
//! the call's reliable stream. Whether media may flow is not decided here but by [`oyster_signalling::Dialogue`].
//!
//! QUIC gives encrypted datagrams, a stream, and life across changes of address. Its congestion control is set aside: ours
//! alone decides what is sent.

mod addresses;
mod allowance;
mod dial;
mod host;
mod identity;
mod known;
mod session;
mod settings;
mod silence;
mod verify;

use std::io;
use std::time::Duration;

use oyster_signalling::{Abilities, ProgramName};
use rustls::crypto::CryptoProvider;
use tokio::runtime::Runtime;

pub use dial::DialError;
pub use host::{Host, HostError};
pub use identity::{Identity, IdentityError};
pub use known::KnownPeers;
pub(crate) use session::Datagrams;
pub use session::{Event, Session};
pub(crate) use silence::Silence;

/// The largest datagram of ours that every QUIC connection takes: of a packet of 1200 bytes, which every path carries, less
/// quinn's header and tag, as measured.
pub const MAX_DATAGRAM_BYTES: usize = 1162;

/// Nothing heard from the other end for so long is told: people notice after a second, and most silences are over by then. A call
/// that has not begun ends there.
pub const NOTICED_SILENCE: Duration = Duration::from_secs(4);
/// A call outlasts this much silence, if nothing else is asked for: a train's tunnel, a change of networks, a lid closed and opened.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(30);

/// The thread that connections live on, and who we are.
#[derive(Debug)]
pub struct Network {
    runtime: Runtime,
    identity: Identity,
    patience: Duration,
}

impl Network {
    /// Starts the thread. `patience`: a call ends when nothing was heard for so long, or for as long as the other end waits.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start(identity: Identity, patience: Duration) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("network")
            .enable_all()
            .build()?;
        Ok(Self { runtime, identity, patience })
    }
}

/// What we say of ourselves.
fn ourselves() -> (ProgramName, Abilities) {
    let name = ProgramName::new(concat!("oyster ", env!("CARGO_PKG_VERSION")));
    (name, Abilities::VIDEO.with(Abilities::SOUND))
}

/// Bytes that nobody can guess.
fn random<const N: usize>(provider: &CryptoProvider) -> [u8; N] {
    let mut bytes = [0; N];
    // The system's generator does not fail once it has been seeded at boot, and nothing is safe without it.
    provider.secure_random.fill(&mut bytes).expect("the system gives random numbers");
    bytes
}

/// The cryptography of TLS: ring's.
fn cryptography() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// How long a peer may take for each step before its person is asked: a few round trips of the slowest path.
const STEP_PATIENCE: Duration = Duration::from_secs(5);
/// How long it may ring.
const RING_PATIENCE: Duration = Duration::from_secs(60);
