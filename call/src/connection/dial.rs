//! The caller's side: every address of the ticket is tried at once, and the first that answers is it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use oyster_signalling::{Dialogue, Farewell, Nonce, Ticket};
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, EndpointConfig, TokioRuntime, VarInt};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::session::{Session, Stream, binding, farewell};
use super::settings::{client, socket};
use super::silence::keep_reachable;
use super::{NOTICED_SILENCE, Network, cryptography, ourselves, random};
use crate::Stop;

/// Why there is no call.
#[derive(Debug)]
#[non_exhaustive]
pub enum DialError {
    /// The ticket has no address, and none was given.
    Nowhere,
    /// This machine would not open a socket or set up TLS.
    Here(String),
    /// Nobody answered at any of these.
    Unreachable {
        /// What was tried, and what came of it.
        tried: Vec<(SocketAddr, String)>,
    },
    /// Someone answered who is not whom the ticket names.
    Stranger {
        /// Where.
        address: SocketAddr,
    },
    /// The other end ended it.
    Refused(Farewell),
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => write!(f, "the ticket names no address; --via ADDR says where to dial"),
            Self::Here(reason) => write!(f, "cannot call from here: {reason}"),
            Self::Unreachable { tried } => {
                write!(f, "nobody answers at ")?;
                for (place, (address, outcome)) in tried.iter().enumerate() {
                    write!(f, "{}{address} ({outcome})", if place == 0 { "" } else { ", " })?;
                }
                write!(
                    f,
                    "; is `oyster answer` still running there? If the two machines are in different networks, the other one \
                     has to be reachable from outside: listen at a fixed port (oyster answer --listen 0.0.0.0:PORT), forward \
                     that UDP port on its router or open it in its firewall, and dial it with --via PUBLIC-ADDRESS:PORT"
                )
            }
            Self::Stranger { address } => {
                write!(f, "{address} is answered by someone else than the one who gave the ticket; nothing was sent")
            }
            Self::Refused(farewell) => write!(f, "{farewell}"),
        }
    }
}

impl std::error::Error for DialError {}

/// What is needed to go on after a connection stands.
pub(super) struct Dialled {
    connection: Connection,
    endpoint: Endpoint,
}

impl Network {
    /// Calls the one who gave the ticket, at `via` in place of its addresses if given. None if `stop` was raised before a
    /// connection stood.
    ///
    /// # Errors
    /// A [`DialError`] when no connection comes about. What the other end says later is told by the session's events.
    pub fn call(&self, ticket: &Ticket, via: Option<SocketAddr>, stop: &Stop) -> Result<Option<Session>, DialError> {
        let addresses = via.map_or_else(|| ticket.addresses().to_vec(), |via| vec![via]);
        let here = |error: &dyn fmt::Display| DialError::Here(error.to_string());
        let config = client(&self.identity, ticket.fingerprint, self.patience).map_err(|error| here(&error))?;
        self.runtime.block_on(async {
            let stopped = async {
                while !stop.is_set() {
                    tokio::time::sleep(LOOK).await;
                }
            };
            let Dialled { connection, endpoint } = tokio::select! {
                dialled = dial(&addresses, &config) => dialled?,
                () = stopped => return Ok(None),
            };
            let refused = |error: ConnectionError| DialError::Refused(farewell(&error));
            let binding = binding(&connection).ok_or_else(|| here(&"TLS exports nothing"))?;
            let (program, abilities) = ourselves();
            let nonce = Nonce(random(&cryptography()));
            let (dialogue, hello) = Dialogue::call(program, abilities, ticket.secret, binding, nonce);
            let mut stream = Stream::open(connection.clone()).await.map_err(refused)?;
            stream.say(&hello).await;
            let (session, conversation) = Session::begin(stream, dialogue, self.runtime.handle());
            let endpoint = Arc::new(endpoint);
            tokio::spawn(keep_reachable(Arc::clone(&endpoint), connection));
            tokio::spawn(async move {
                conversation.run(Vec::new(), || {}).await;
                endpoint.wait_idle().await;
            });
            Ok(Some(session))
        })
    }

    /// Gives the last words of a call that was dropped the time to leave.
    pub fn finish(self, session: Option<Session>) {
        if let Some(session) = session {
            session.hang_up();
            let connection = session.connection.clone();
            let _ = self.runtime.block_on(async { timeout(LAST_WORDS, connection.closed()).await });
        }
        self.runtime.shutdown_timeout(LAST_WORDS);
    }
}

/// Tries all addresses at once.
async fn dial(addresses: &[SocketAddr], config: &ClientConfig) -> Result<Dialled, DialError> {
    if addresses.is_empty() {
        return Err(DialError::Nowhere);
    }
    let mut attempts = JoinSet::new();
    for &address in addresses {
        // A socket each: whichever path is best, its socket serves no other connection.
        let attempt = attempt(address, config.clone());
        attempts.spawn(async move { (address, attempt.await) });
    }
    let mut tried = Vec::new();
    let mut stranger = None;
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok((_, Ok(dialled))) => {
                // The others may just have come about as well: they are told that they are not needed.
                tokio::spawn(async move {
                    while let Some(spare) = attempts.join_next().await {
                        if let Ok((_, Ok(Dialled { connection, endpoint }))) = spare {
                            connection.close(VarInt::from_u32(Farewell::Spare.code()), b"");
                            endpoint.wait_idle().await;
                        }
                    }
                });
                return Ok(dialled);
            }
            Ok((address, Err(Failure::Stranger))) => stranger = Some(address),
            Ok((address, Err(Failure::Closed(farewell)))) if tried.is_empty() && addresses.len() == 1 => {
                let _ = address;
                return Err(DialError::Refused(farewell));
            }
            Ok((address, Err(failure))) => tried.push((address, failure.to_string())),
            Err(error) => return Err(DialError::Here(error.to_string())),
        }
    }
    match stranger {
        Some(address) => Err(DialError::Stranger { address }),
        None => {
            tried.sort();
            Err(DialError::Unreachable { tried })
        }
    }
}

/// What came of one address.
enum Failure {
    Stranger,
    Closed(Farewell),
    Other(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stranger => f.write_str("someone else"),
            Self::Closed(farewell) => write!(f, "{farewell}"),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

async fn attempt(address: SocketAddr, config: ClientConfig) -> Result<Dialled, Failure> {
    let other = |error: &dyn fmt::Display| Failure::Other(error.to_string());
    let endpoint = socket(None)
        .and_then(|socket| Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime)))
        .map_err(|error| other(&error))?;
    let connecting = endpoint.connect_with(config, address, SERVER_NAME).map_err(|error| other(&error))?;
    match timeout(DIAL_PATIENCE, connecting).await {
        Ok(Ok(connection)) => Ok(Dialled { connection, endpoint }),
        Ok(Err(ConnectionError::TransportError(error))) if is_refusal(error.code.into()) => Err(Failure::Stranger),
        Ok(Err(ConnectionError::ApplicationClosed(close))) => {
            Err(Failure::Closed(Farewell::from_code(close.error_code.into_inner())))
        }
        Ok(Err(ConnectionError::TimedOut)) | Err(_) => {
            Err(Failure::Other(format!("silent for {} s", DIAL_PATIENCE.as_secs())))
        }
        Ok(Err(error)) => Err(other(&error)),
    }
}

/// Whether a verifier refused a certificate: TLS's alerts of bad certificates as QUIC carries them (RFC 9001 §4.8).
fn is_refusal(code: u64) -> bool {
    (0x100 + 42..=0x100 + 51).contains(&code)
}

/// Names are of no use to identities; TLS wants one.
const SERVER_NAME: &str = "oyster";
/// How long an address has to answer: what is not there in this time is behind something.
const DIAL_PATIENCE: Duration = NOTICED_SILENCE;
/// How often it is looked whether the call is still wanted.
const LOOK: Duration = Duration::from_millis(20);
/// How long the last words may take to leave.
const LAST_WORDS: Duration = Duration::from_millis(300);
