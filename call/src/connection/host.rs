//! The answerer's side: an endpoint that listens, the ticket that stands, and one call at a time.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver as Calls, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use oyster_signalling::{Dialogue, Farewell, Fingerprint, Input, Message, Nonce, Offer, Secret, Stage, Ticket};
use parking_lot::Mutex;
use quinn::{Connection, Endpoint, EndpointConfig, Incoming, TokioRuntime};
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;

use super::addresses::reachable;
use super::session::{Session, Stream, binding, fingerprint};
use super::settings::{KEEP_ALIVE, server, socket};
use super::silence::is_silent;
use super::{KnownPeers, Network, STEP_PATIENCE, cryptography, ourselves, random};

/// Why nobody can be answered.
#[derive(Debug)]
#[non_exhaustive]
pub enum HostError {
    /// The address cannot be listened at.
    Listen {
        /// Which; none if any would do.
        address: Option<SocketAddr>,
        /// Why.
        source: io::Error,
    },
    /// TLS cannot be set up with our identity.
    Tls(rustls::Error),
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { address: Some(address), source } => write!(f, "cannot listen at {address}: {source}"),
            Self::Listen { address: None, source } => write!(f, "cannot listen: {source}"),
            Self::Tls(error) => write!(f, "the identity is of no use to TLS: {error}"),
        }
    }
}

impl std::error::Error for HostError {}

/// Listens for calls. Dropped, it listens no more.
#[derive(Debug)]
pub struct Host {
    endpoint: Endpoint,
    door: Arc<Mutex<Door>>,
    calls: Calls<Session>,
    ticket: Ticket,
    runtime: Handle,
}

/// Who is let in.
#[derive(Debug)]
struct Door {
    secret: Secret,
    used: Vec<Secret>,
    known: KnownPeers,
    admits_known: bool,
    call: Option<Call>,
}

/// The one call at a time, from the good ticket to the last word.
#[derive(Debug)]
struct Call {
    peer: Fingerprint,
    connection: Connection,
    inputs: Sender<Input>,
}

impl Network {
    /// Listens at `address`, or anywhere. `admits_known`: whether `known` peers need no good ticket.
    ///
    /// # Errors
    /// A [`HostError`] when there is no socket at that address.
    pub fn host(&self, address: Option<SocketAddr>, known: KnownPeers, admits_known: bool) -> Result<Host, HostError> {
        let config = server(&self.identity, self.patience).map_err(HostError::Tls)?;
        let refused = |source| HostError::Listen { address, source };
        let socket = socket(address).map_err(refused)?;
        let _guard = self.runtime.enter();
        let endpoint = Endpoint::new(EndpointConfig::default(), Some(config), socket, Arc::new(TokioRuntime));
        let endpoint = endpoint.map_err(refused)?;
        let addresses = reachable(endpoint.local_addr().map_err(refused)?);
        let secret = Secret(random(&cryptography()));
        let ticket = Ticket::new(self.identity.fingerprint(), secret, addresses);
        let door = Arc::new(Mutex::new(Door { secret, used: Vec::new(), known, admits_known, call: None }));
        // One call is let in at a time.
        let (announce, calls) = sync_channel(1);
        let runtime = self.runtime.handle().clone();
        runtime.spawn(listen(endpoint.clone(), Arc::clone(&door), announce, runtime.clone()));
        Ok(Host { endpoint, door, calls, ticket, runtime })
    }
}

impl Host {
    /// The ticket that stands: another one once a call was accepted.
    pub fn ticket(&self) -> Ticket {
        let mut ticket = self.ticket.clone();
        ticket.secret = self.door.lock().secret;
        ticket
    }

    /// The next call whose ticket is good, waiting up to `patience` for it.
    ///
    /// # Errors
    /// [`Farewell::Failed`] when the network's thread is gone.
    pub fn wait(&self, patience: Duration) -> Result<Option<Session>, Farewell> {
        match self.calls.recv_timeout(patience) {
            Ok(session) => Ok(Some(session)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Farewell::Failed),
        }
    }

    /// Gives last words the time to leave.
    pub fn finish(&self) {
        self.endpoint.close(Farewell::HungUp.code().into(), b"");
        let idle = async { timeout(LAST_WORDS, self.endpoint.wait_idle()).await };
        let _ = self.runtime.block_on(idle);
    }
}

async fn listen(endpoint: Endpoint, door: Arc<Mutex<Door>>, announce: SyncSender<Session>, runtime: Handle) {
    while let Some(incoming) = endpoint.accept().await {
        // Beyond these, whoever comes is not even answered: each costs a handshake.
        if endpoint.open_connections() > MAX_CONNECTIONS {
            incoming.ignore();
            continue;
        }
        let (door, announce, runtime) = (Arc::clone(&door), announce.clone(), runtime.clone());
        tokio::spawn(async move { receive(incoming, &door, &announce, &runtime).await });
    }
}

/// One who knocks: a handshake, a hello, and if its ticket is good the whole call.
async fn receive(
    incoming: Incoming,
    door: &Arc<Mutex<Door>>,
    announce: &SyncSender<Session>,
    runtime: &Handle,
) -> Option<()> {
    let greeting = async {
        let connection = incoming.accept().ok()?.await.ok()?;
        let mut stream = Stream::accept(connection.clone()).await.ok()?;
        let heard = stream.hear().await;
        Some((connection, stream, heard))
    };
    // A peer that is gone, or says nothing in this time, is no call.
    let (connection, stream, heard) = timeout(STEP_PATIENCE, greeting).await.ok()??;
    let hello = match heard {
        Ok(hello) => hello,
        Err(farewell) => {
            stream.close(farewell);
            return None;
        }
    };
    let secret = match &hello {
        Message::Hello(hello) => Some(hello.secret),
        _ => None,
    };
    let peer = fingerprint(&connection)?;
    let binding = binding(&connection)?;
    let gone = gone_call(door, &peer).await;
    let (session, conversation, begun, is_call) = {
        let mut door = door.lock();
        let offer = door.offer(&peer, gone);
        let (program, abilities) = ourselves();
        let nonce = Nonce(random(&cryptography()));
        let mut dialogue = Dialogue::answer(program, abilities, offer, binding, nonce);
        let begun = dialogue.handle(Input::Heard(hello));
        let is_call = dialogue.stage() == Stage::Binding;
        let (session, conversation) = Session::begin(stream, dialogue, runtime);
        // Under the lock, so that of two who come at once the second finds it closed.
        if is_call {
            door.begin(Call { peer, connection: connection.clone(), inputs: session.inputs.clone() });
        }
        (session, conversation, begun, is_call)
    };
    let accepted = || {
        let mut door = door.lock();
        // A call was accepted with the ticket that stands: it is used. A known peer may have come with an old one.
        if secret == Some(door.secret) {
            door.use_up();
        }
        // That someone is not remembered is no reason to end the call with them.
        let _ = door.known.insert(peer);
    };
    if !is_call {
        drop(session);
        conversation.run(begun, || {}).await;
        return None;
    }
    let claim = Claim { door: Arc::clone(door), connection: connection.stable_id() };
    if announce.try_send(session).is_ok() {
        conversation.run(begun, accepted).await;
    }
    drop(claim);
    Some(())
}

/// The call that this peer itself is in, by its connection, if nothing is heard there any more: its program or machine has died, or
/// it would not knock.
async fn gone_call(door: &Mutex<Door>, peer: &Fingerprint) -> Option<usize> {
    let connection = door.lock().call.as_ref().filter(|call| call.peer == *peer)?.connection.clone();
    is_silent(&connection, GONE_AFTER).await.then(|| connection.stable_id())
}

impl Door {
    /// What is open to this peer. One whose call is `gone` may call again at once, though its ticket is used: it has proved to be who
    /// was let in with it.
    fn offer(&self, peer: &Fingerprint, gone: Option<usize>) -> Offer {
        let current = self.call.as_ref().map(|call| call.connection.stable_id());
        let comes_back = gone.is_some() && current.is_none_or(|current| Some(current) == gone);
        Offer {
            secret: self.secret,
            used: self.used.clone(),
            knows_caller: comes_back || self.admits_known && self.known.contains(peer),
            is_busy: current.is_some() && !comes_back,
        }
    }

    /// A call begins; the one that it comes in place of is over.
    fn begin(&mut self, call: Call) {
        if let Some(before) = self.call.replace(call) {
            // A dialogue that takes no more has ended by itself.
            let _ = before.inputs.try_send(Input::Lost(Farewell::Silent));
        }
    }

    /// A new secret in place of the one that stands.
    fn use_up(&mut self) {
        if self.used.len() == MAX_USED {
            self.used.remove(0);
        }
        self.used.push(self.secret);
        self.secret = Secret(random(&cryptography()));
    }
}

/// Opens the door again when the call of this connection is over.
struct Claim {
    door: Arc<Mutex<Door>>,
    connection: usize,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut door = self.door.lock();
        if door.call.as_ref().is_some_and(|call| call.connection.stable_id() == self.connection) {
            door.call = None;
        }
    }
}

/// Connections at once, those included that are being refused.
const MAX_CONNECTIONS: usize = 16;
/// Used secrets remembered, to tell a used ticket from a wrong one.
const MAX_USED: usize = 64;
/// A peer that knocks while its own call has been silent for so long is not in that call any more.
const GONE_AFTER: Duration = KEEP_ALIVE.saturating_mul(3);
/// How long the last words may take to leave.
const LAST_WORDS: Duration = Duration::from_millis(300);
