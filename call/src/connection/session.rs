//! A call's connection: its reliable stream, driven by the dialogue, and its datagrams.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver as Events, RecvTimeoutError, SyncSender, TryRecvError};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use oyster_signalling::{
    Abilities, Binding, Dialogue, Farewell, Fingerprint, Input, MediaState, Message, MessageError, Output, ProgramName,
    Report, Stage, Words,
};
use quinn::{Connection, ConnectionError, ReadError, RecvStream, SendStream, VarInt};
use rustls::pki_types::CertificateDer;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep_until, timeout};

use super::allowance::Allowance;
use super::silence::Silence;
use super::{NOTICED_SILENCE, RING_PATIENCE, STEP_PATIENCE};

/// What a call's person is told, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Who is there and what it can do.
    Meet(ProgramName, Abilities),
    /// Show the words to be read aloud.
    Show(Words),
    /// Ask the person here whether to accept.
    Ask,
    /// Open camera and microphone, send and play.
    StartMedia,
    /// What the other end sends has changed.
    PeerMedia(MediaState),
    /// How the other end finds the call.
    PeerReport(Report),
    /// It is over.
    Ended {
        /// Why.
        farewell: Farewell,
        /// Whether this end said so.
        by_us: bool,
    },
}

/// A call that has begun, as its person's thread holds it. Dropped, it hangs up.
#[derive(Debug)]
pub struct Session {
    pub(super) connection: Connection,
    pub(super) runtime: Handle,
    pub(super) inputs: Sender<Input>,
    events: Events<Event>,
    /// The last event, for when too many others wait for it to be told.
    ended: Arc<OnceLock<Event>>,
}

impl Session {
    /// The next event, if there is one.
    pub fn poll(&self) -> Option<Event> {
        match self.events.try_recv() {
            Ok(event) => Some(event),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(self.last_event()),
        }
    }

    /// The next event, waiting up to `patience` for it.
    pub fn wait(&self, patience: Duration) -> Option<Event> {
        match self.events.recv_timeout(patience) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(self.last_event()),
        }
    }

    fn last_event(&self) -> Event {
        self.ended.get().cloned().unwrap_or(GONE)
    }

    /// Yes, to [`Event::Ask`].
    pub fn agree(&self) {
        self.tell(Input::Agree);
    }

    /// No, to [`Event::Ask`].
    pub fn refuse(&self) {
        self.tell(Input::Refuse);
    }

    /// The end.
    pub fn hang_up(&self) {
        self.tell(Input::HangUp);
    }

    /// What we send has changed.
    pub fn tell_media(&self, state: MediaState) {
        self.tell(Input::Media(state));
    }

    /// How we find the call.
    pub fn report(&self, report: Report) {
        self.tell(Input::Report(report));
    }

    /// Who is at the other end.
    pub fn peer(&self) -> Option<Fingerprint> {
        fingerprint(&self.connection)
    }

    /// Where the other end is.
    pub fn peer_address(&self) -> SocketAddr {
        self.connection.remote_address()
    }

    /// The datagrams of the call from now on: only for one who was told [`Event::StartMedia`]. A flood of them ends the call.
    pub(crate) fn datagrams(&self, arrived: impl Fn(Bytes) + Send + 'static) -> Datagrams {
        let connection = self.connection.clone();
        let inputs = self.inputs.downgrade();
        self.runtime.spawn(async move {
            let mut allowance = Allowance::of_datagrams(Instant::now());
            while let Ok(datagram) = connection.read_datagram().await {
                if !allowance.take(Instant::now()) {
                    // A dialogue that is gone has ended the call already.
                    let Some(inputs) = inputs.upgrade() else { return };
                    let _ = inputs.send(Input::Lost(Farewell::Flood)).await;
                    return;
                }
                arrived(datagram);
            }
        });
        Datagrams(self.connection.clone())
    }

    /// How long nothing was heard from the other end.
    pub(crate) fn silence(&self) -> Silence {
        Silence::of(&self.connection)
    }

    fn tell(&self, input: Input) {
        // A dialogue so far behind has ended, or its stream is stuck: its next words are worth no more than these.
        let _ = self.inputs.try_send(input);
    }

    /// Begins the dialogue of a connection.
    pub(super) fn begin(stream: Stream, dialogue: Dialogue, runtime: &Handle) -> (Self, Conversation) {
        let (inputs, acts) = channel(MAX_WAITING);
        let (told, events) = std::sync::mpsc::sync_channel(MAX_WAITING);
        let connection = stream.connection.clone();
        let ended = Arc::new(OnceLock::new());
        let conversation = Conversation { stream, dialogue, acts, told, ended: Arc::clone(&ended) };
        (Self { connection, runtime: runtime.clone(), inputs, events, ended }, conversation)
    }
}

/// Sends a call's datagrams. Copies send on the same call.
#[derive(Clone, Debug)]
pub(crate) struct Datagrams(Connection);

impl Datagrams {
    /// Sends one; on a call that is over it is lost, as any may be.
    pub(crate) fn send(&self, datagram: Vec<u8>) {
        let _ = self.0.send_datagram(Bytes::from(datagram));
    }
}

/// A call's reliable stream.
#[derive(Debug)]
pub(super) struct Stream {
    connection: Connection,
    outgoing: SendStream,
    incoming: RecvStream,
    heard: Vec<u8>,
    allowance: Allowance,
}

impl Stream {
    /// The caller's.
    pub(super) async fn open(connection: Connection) -> Result<Self, ConnectionError> {
        let (outgoing, incoming) = connection.open_bi().await?;
        Ok(Self::new(connection, outgoing, incoming))
    }

    /// The answerer's.
    pub(super) async fn accept(connection: Connection) -> Result<Self, ConnectionError> {
        let (outgoing, incoming) = connection.accept_bi().await?;
        Ok(Self::new(connection, outgoing, incoming))
    }

    fn new(connection: Connection, outgoing: SendStream, incoming: RecvStream) -> Self {
        let allowance = Allowance::of_messages(Instant::now());
        Self { connection, outgoing, incoming, heard: Vec::new(), allowance }
    }

    pub(super) async fn say(&mut self, message: &Message) {
        // If it cannot be said the connection is ending, and reading tells why.
        let _ = self.outgoing.write_all(&message.to_bytes()).await;
    }

    /// The next message, or why there is none. Nothing is lost if the answer is not waited for.
    pub(super) async fn hear(&mut self) -> Result<Message, Farewell> {
        loop {
            match Message::take(&self.heard) {
                Ok(Some((message, taken))) => {
                    self.heard.drain(..taken);
                    if !self.allowance.take(Instant::now()) {
                        return Err(Farewell::Flood);
                    }
                    if let Some(message) = message {
                        return Ok(message);
                    }
                }
                Ok(None) => match self.incoming.read_chunk(READ_BYTES, true).await {
                    Ok(Some(chunk)) => self.heard.extend_from_slice(&chunk.bytes),
                    Ok(None) => return Err(self.closed().await),
                    Err(ReadError::ConnectionLost(error)) => return Err(farewell(&error)),
                    Err(_) => return Err(Farewell::Protocol),
                },
                Err(MessageError::Version { .. }) => return Err(Farewell::Version),
                Err(_) => return Err(Farewell::Protocol),
            }
        }
    }

    /// A peer that ends its stream ends its connection, too; if not, it misbehaves.
    async fn closed(&self) -> Farewell {
        match timeout(STEP_PATIENCE, self.connection.closed()).await {
            Ok(error) => farewell(&error),
            Err(_) => Farewell::Protocol,
        }
    }

    pub(super) fn close(&self, farewell: Farewell) {
        self.connection.close(VarInt::from_u32(farewell.code()), b"");
    }
}

/// The dialogue on its stream, to be run on the network's thread.
pub(super) struct Conversation {
    stream: Stream,
    dialogue: Dialogue,
    acts: Receiver<Input>,
    told: SyncSender<Event>,
    ended: Arc<OnceLock<Event>>,
}

impl Conversation {
    /// Until the call is over. `on_media` is told when media begins. `begun`: outputs of before.
    pub(super) async fn run(mut self, begun: Vec<Output>, mut on_media: impl FnMut() + Send) {
        if self.act(begun, &mut on_media, true).await.is_break() {
            return;
        }
        let mut since = Instant::now();
        let mut silence = Silence::of(&self.stream.connection);
        loop {
            let stage = self.dialogue.stage();
            let patience = match stage {
                Stage::Greeting | Stage::Binding => Some(STEP_PATIENCE),
                Stage::Ringing => Some(RING_PATIENCE),
                Stage::Talking | Stage::Over(_) => None,
            };
            let (input, by_us) = tokio::select! {
                heard = self.stream.hear() => match heard {
                    Ok(message) => (Input::Heard(message), true),
                    // What the peer may not say we end; what it ended is told as it said.
                    Err(farewell) => (Input::Lost(farewell), self.stream.connection.close_reason().is_none()),
                },
                act = self.acts.recv() => (act.unwrap_or(Input::HangUp), true),
                () = sleep_until(since + patience.unwrap_or_default()), if patience.is_some() => (Input::TimedOut, true),
                // A call that has not begun is not worth waiting for one who is gone.
                () = silence.lasts(NOTICED_SILENCE), if patience.is_some() => (Input::Lost(Farewell::Silent), true),
            };
            let outputs = self.dialogue.handle(input);
            if self.dialogue.stage() != stage {
                since = Instant::now();
            }
            if self.act(outputs, &mut on_media, by_us).await.is_break() {
                return;
            }
        }
    }

    async fn act(
        &mut self,
        outputs: Vec<Output>,
        on_media: &mut (impl FnMut() + Send),
        by_us: bool,
    ) -> std::ops::ControlFlow<()> {
        for output in outputs {
            let event = match output {
                Output::Send(message) => {
                    self.stream.say(&message).await;
                    continue;
                }
                Output::Meet(program, abilities) => Event::Meet(program, abilities),
                Output::Show(words) => Event::Show(words),
                Output::Ask => Event::Ask,
                Output::StartMedia => {
                    on_media();
                    Event::StartMedia
                }
                Output::PeerMedia(state) => Event::PeerMedia(state),
                Output::PeerReport(report) => Event::PeerReport(report),
                Output::End(farewell) => {
                    self.stream.close(farewell);
                    let ended = Event::Ended { farewell, by_us };
                    let _ = self.ended.set(ended.clone());
                    let _ = self.told.try_send(ended);
                    return std::ops::ControlFlow::Break(());
                }
            };
            // A person's thread that does not listen misses reports; that the channel ends tells it the rest.
            let _ = self.told.try_send(event);
        }
        std::ops::ControlFlow::Continue(())
    }
}

/// What to tell a person of a connection's end.
pub(super) fn farewell(error: &ConnectionError) -> Farewell {
    match error {
        ConnectionError::ApplicationClosed(close) => Farewell::from_code(close.error_code.into_inner()),
        ConnectionError::TimedOut | ConnectionError::Reset => Farewell::Silent,
        ConnectionError::LocallyClosed => Farewell::HungUp,
        ConnectionError::VersionMismatch => Farewell::Version,
        _ => Farewell::Failed,
    }
}

/// The identity at the other end.
pub(super) fn fingerprint(connection: &Connection) -> Option<Fingerprint> {
    let certificates = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    certificates.first().map(|certificate| Fingerprint::of(certificate))
}

/// What is the same at both ends of this session and at those of no other (RFC 9266).
pub(super) fn binding(connection: &Connection) -> Option<Binding> {
    let mut binding = [0; 32];
    connection.export_keying_material(&mut binding, b"EXPORTER-Channel-Binding", b"").ok()?;
    Some(Binding(binding))
}

/// Acts and events that wait: reports come once a second.
const MAX_WAITING: usize = 64;
/// Read from the stream at once.
const READ_BYTES: usize = 2048;
/// The network's thread is gone.
const GONE: Event = Event::Ended { farewell: Farewell::Failed, by_us: true };
