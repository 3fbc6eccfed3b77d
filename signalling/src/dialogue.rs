//! A call's dialogue from the first word to the last, as a machine without a clock, socket or device: messages and a person's
//! acts in; messages, words to show and verdicts out. Cameras and microphones are opened by its [`Output::StartMedia`] alone.
//!
//! The caller's act of calling is its consent; its media starts once the answerer's person has said yes and the words to be
//! read aloud were shown. The answerer's starts when its person says yes, which it can only to a caller whose ticket is good.
//!
//! | stage | caller | answerer |
//! |---|---|---|
//! | greeting | has said hello, waits for welcome | waits for a hello with a good ticket |
//! | binding | | has said welcome, waits for the number the hello was bound to |
//! | ringing | has revealed it and shown the words, waits for yes | has shown the words and asked its person |
//! | talking | media flows | media flows |
//! | over | | |

use crate::VERSION;
use crate::farewell::Farewell;
use crate::message::{Abilities, Hello, MediaState, Message, ProgramName, Report, Welcome};
use crate::ticket::Secret;
use crate::words::{Binding, Commitment, Nonce, Words};

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Before the other end's first word.
    Greeting,
    /// Before the words to be read aloud are known. Only the answerer is here.
    Binding,
    /// Before the answerer's person has said yes.
    Ringing,
    /// Media flows.
    Talking,
    /// No more is said.
    Over(Farewell),
}

/// What happens to a dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The other end said this.
    Heard(Message),
    /// The person here said yes to the question of [`Output::Ask`].
    Agree,
    /// The person here said no to it.
    Refuse,
    /// The person here hung up, or ended the program.
    HangUp,
    /// What the person here sends has changed.
    Media(MediaState),
    /// It is time to say how the call goes.
    Report(Report),
    /// Nothing has happened for as long as one waits at this stage.
    TimedOut,
    /// The connection ended.
    Lost(Farewell),
}

/// What is to be done now, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Say this to the other end.
    Send(Message),
    /// Who is there and what it can do.
    Meet(ProgramName, Abilities),
    /// Show the words to be read aloud.
    Show(Words),
    /// Ask the person here whether to accept.
    Ask,
    /// Open camera and microphone, send and play. Comes once at most, and never before the person here has said yes.
    StartMedia,
    /// What the other end sends has changed.
    PeerMedia(MediaState),
    /// How the other end finds the call.
    PeerReport(Report),
    /// Close camera and microphone if they are open, and the connection with these words. Nothing comes after it.
    End(Farewell),
}

/// Whom an answerer lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The secret of the ticket that stands.
    pub secret: Secret,
    /// Those of tickets that calls were made with.
    pub used: Vec<Secret>,
    /// Whether this caller's identity needs no ticket.
    pub knows_caller: bool,
    /// Whether there is another call.
    pub is_busy: bool,
}

impl Offer {
    /// Whether a caller with this secret may go on.
    ///
    /// # Errors
    /// What it is told if not.
    pub fn admit(&self, secret: &Secret) -> Result<(), Farewell> {
        if self.is_busy {
            return Err(Farewell::Busy);
        }
        if self.secret == *secret || self.knows_caller {
            return Ok(());
        }
        Err(if self.used.contains(secret) { Farewell::UsedTicket } else { Farewell::WrongTicket })
    }
}

/// A call's dialogue at one of its ends.
#[derive(Clone, Debug)]
pub struct Dialogue {
    stage: Stage,
    role: Role,
    program: ProgramName,
    abilities: Abilities,
    binding: Binding,
    nonce: Nonce,
}

#[derive(Clone, Debug)]
enum Role {
    Caller,
    Answerer { offer: Offer, commitment: Option<Commitment> },
}

impl Dialogue {
    /// The caller's end, and its first message.
    pub fn call(
        program: ProgramName,
        abilities: Abilities,
        secret: Secret,
        binding: Binding,
        nonce: Nonce,
    ) -> (Self, Message) {
        let hello =
            Hello { version: VERSION, program: program.clone(), abilities, secret, commitment: nonce.commitment() };
        (Self { stage: Stage::Greeting, role: Role::Caller, program, abilities, binding, nonce }, Message::Hello(hello))
    }

    /// The answerer's end.
    pub fn answer(program: ProgramName, abilities: Abilities, offer: Offer, binding: Binding, nonce: Nonce) -> Self {
        let role = Role::Answerer { offer, commitment: None };
        Self { stage: Stage::Greeting, role, program, abilities, binding, nonce }
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Takes what happened and says what is to be done.
    pub fn handle(&mut self, input: Input) -> Vec<Output> {
        match (self.stage, input) {
            (Stage::Over(_), _) => Vec::new(),
            (_, Input::Lost(farewell)) => self.end(farewell),
            (_, Input::HangUp) => self.end(Farewell::HungUp),
            (Stage::Talking, Input::TimedOut) => Vec::new(),
            (_, Input::TimedOut) => self.end(Farewell::Unanswered),
            (Stage::Talking, Input::Media(state)) => vec![Output::Send(Message::Media(state))],
            (Stage::Talking, Input::Report(report)) => vec![Output::Send(Message::Report(report))],
            // Nothing of ours is said before both have agreed.
            (_, Input::Media(_) | Input::Report(_)) => Vec::new(),
            (Stage::Ringing, Input::Agree) if self.answers() => self.talk(Some(Message::Accept)),
            (Stage::Ringing, Input::Refuse) if self.answers() => self.end(Farewell::Declined),
            // A yes or no that nobody asked for.
            (_, Input::Agree | Input::Refuse) => Vec::new(),
            (_, Input::Heard(message)) => self.hear(message),
        }
    }

    fn hear(&mut self, message: Message) -> Vec<Output> {
        match (self.stage, message) {
            (Stage::Greeting, Message::Hello(hello)) if self.answers() => self.greet(hello),
            (Stage::Greeting, Message::Welcome(welcome)) if !self.answers() => {
                self.stage = Stage::Ringing;
                let words = Words::of(&self.binding, &self.nonce, &welcome.nonce);
                vec![
                    Output::Send(Message::Reveal(self.nonce)),
                    Output::Meet(welcome.program, welcome.abilities),
                    Output::Show(words),
                ]
            }
            (Stage::Binding, Message::Reveal(nonce)) if self.is_bound_to(&nonce) => {
                self.stage = Stage::Ringing;
                vec![Output::Show(Words::of(&self.binding, &nonce, &self.nonce)), Output::Ask]
            }
            (Stage::Ringing, Message::Accept) if !self.answers() => self.talk(None),
            (Stage::Talking, Message::Media(state)) => vec![Output::PeerMedia(state)],
            (Stage::Talking, Message::Report(report)) => vec![Output::PeerReport(report)],
            _ => self.end(Farewell::Protocol),
        }
    }

    fn greet(&mut self, hello: Hello) -> Vec<Output> {
        let Role::Answerer { offer, commitment } = &mut self.role else { return Vec::new() };
        if let Err(farewell) = offer.admit(&hello.secret) {
            return self.end(farewell);
        }
        *commitment = Some(hello.commitment);
        self.stage = Stage::Binding;
        let (program, abilities, nonce) = (self.program.clone(), self.abilities, self.nonce);
        let welcome = Message::Welcome(Welcome { version: VERSION, program, abilities, nonce });
        vec![Output::Send(welcome), Output::Meet(hello.program, hello.abilities)]
    }

    fn talk(&mut self, word: Option<Message>) -> Vec<Output> {
        self.stage = Stage::Talking;
        word.map(Output::Send).into_iter().chain([Output::StartMedia]).collect()
    }

    fn end(&mut self, farewell: Farewell) -> Vec<Output> {
        self.stage = Stage::Over(farewell);
        vec![Output::End(farewell)]
    }

    fn answers(&self) -> bool {
        matches!(self.role, Role::Answerer { .. })
    }

    fn is_bound_to(&self, nonce: &Nonce) -> bool {
        matches!(self.role, Role::Answerer { commitment: Some(commitment), .. } if commitment == nonce.commitment())
    }
}

#[cfg(test)]
#[path = "dialogue_tests.rs"]
mod tests;
