//! The dialogue's stories, and its laws over every input at every stage.

use std::collections::HashSet;

use super::*;

const TICKET: Secret = Secret([1; 16]);
const OLD: Secret = Secret([2; 16]);
const BINDING: Binding = Binding([3; 32]);
const CALLER: Nonce = Nonce([4; 16]);
const ANSWERER: Nonce = Nonce([5; 16]);

fn name() -> ProgramName {
    ProgramName::new("oyster test")
}

fn offer() -> Offer {
    Offer { secret: TICKET, used: vec![OLD], knows_caller: false, is_busy: false }
}

fn caller() -> (Dialogue, Message) {
    Dialogue::call(name(), Abilities::VIDEO, TICKET, BINDING, CALLER)
}

fn answerer(offer: Offer) -> Dialogue {
    Dialogue::answer(name(), Abilities::VIDEO, offer, BINDING, ANSWERER)
}

fn hello(secret: Secret) -> Message {
    let (_, mut message) = caller();
    if let Message::Hello(hello) = &mut message {
        hello.secret = secret;
    }
    message
}

fn words(outputs: &[Output]) -> Option<Words> {
    outputs.iter().find_map(|output| if let Output::Show(words) = output { Some(*words) } else { None })
}

/// Both ends, joined: what one sends the other hears. Answers what else each was told.
fn join(caller: &mut Dialogue, answerer: &mut Dialogue, first: Message) -> [Vec<Output>; 2] {
    let mut told = [Vec::new(), Vec::new()];
    let mut said = vec![(true, first)];
    while let Some((by_caller, message)) = said.pop() {
        let (listener, place) = if by_caller { (&mut *answerer, 1) } else { (&mut *caller, 0) };
        for output in listener.handle(Input::Heard(message)) {
            match output {
                Output::Send(message) => said.insert(0, (!by_caller, message)),
                other => told[place].push(other),
            }
        }
    }
    told
}

#[test]
fn a_call_is_made_and_both_are_shown_the_same_words() {
    let ((mut caller, first), mut answerer) = (caller(), answerer(offer()));
    let [by_caller, by_answerer] = join(&mut caller, &mut answerer, first);
    assert!(words(&by_caller).is_some());
    assert_eq!(words(&by_caller), words(&by_answerer));
    assert_eq!((caller.stage(), answerer.stage()), (Stage::Ringing, Stage::Ringing));
    assert_eq!(by_answerer.last(), Some(&Output::Ask));
    assert_eq!(answerer.handle(Input::Agree), [Output::Send(Message::Accept), Output::StartMedia]);
    assert_eq!(caller.handle(Input::Heard(Message::Accept)), [Output::StartMedia]);
    let quiet = MediaState { muted: true, camera_off: false };
    assert_eq!(caller.handle(Input::Media(quiet)), [Output::Send(Message::Media(quiet))]);
    assert_eq!(answerer.handle(Input::Heard(Message::Media(quiet))), [Output::PeerMedia(quiet)]);
}

#[test]
fn another_session_has_other_words() {
    let ((mut caller, first), mut answerer) = (caller(), answerer(offer()));
    answerer.binding = Binding([9; 32]);
    let [by_caller, by_answerer] = join(&mut caller, &mut answerer, first);
    assert_ne!(words(&by_caller), words(&by_answerer));
}

#[test]
fn whoever_has_no_good_ticket_is_told_why_and_nothing_else() {
    for (offer, secret, told) in [
        (offer(), Secret([9; 16]), Farewell::WrongTicket),
        (offer(), OLD, Farewell::UsedTicket),
        (Offer { is_busy: true, ..offer() }, TICKET, Farewell::Busy),
        (Offer { is_busy: true, knows_caller: true, ..offer() }, OLD, Farewell::Busy),
    ] {
        assert_eq!(answerer(offer).handle(Input::Heard(hello(secret))), [Output::End(told)]);
    }
}

#[test]
fn a_known_caller_needs_no_ticket() {
    let mut answerer = answerer(Offer { knows_caller: true, ..offer() });
    assert!(matches!(answerer.handle(Input::Heard(hello(OLD)))[..], [Output::Send(Message::Welcome(_)), _]));
}

#[test]
fn a_number_that_the_hello_was_not_bound_to_ends_it() {
    let mut answerer = answerer(offer());
    answerer.handle(Input::Heard(hello(TICKET)));
    let ended = answerer.handle(Input::Heard(Message::Reveal(Nonce([6; 16]))));
    assert_eq!(ended, [Output::End(Farewell::Protocol)]);
}

#[test]
fn a_no_is_told() {
    let ((mut caller, first), mut answerer) = (caller(), answerer(offer()));
    join(&mut caller, &mut answerer, first);
    assert_eq!(answerer.handle(Input::Refuse), [Output::End(Farewell::Declined)]);
}

/// Everything that can happen, the other end's lies included.
fn inputs() -> Vec<Input> {
    let (program, abilities) = (name(), Abilities::VIDEO);
    let welcome = Welcome { version: VERSION, program, abilities, nonce: ANSWERER };
    let said = [
        hello(TICKET),
        hello(OLD),
        hello(Secret([9; 16])),
        Message::Welcome(welcome),
        Message::Reveal(CALLER),
        Message::Reveal(Nonce([6; 16])),
        Message::Accept,
        Message::Media(MediaState::default()),
        Message::Report(Report::default()),
    ];
    let acts = [
        Input::Agree,
        Input::Refuse,
        Input::HangUp,
        Input::Media(MediaState::default()),
        Input::Report(Report::default()),
        Input::TimedOut,
        Input::Lost(Farewell::HungUp),
    ];
    said.into_iter().map(Input::Heard).chain(acts).collect()
}

/// What a dialogue has been through.
#[derive(Clone, Default)]
struct Story {
    agreed_while_asked: bool,
    asked: bool,
    shown: bool,
    accepted: bool,
    started: bool,
    ended: bool,
}

impl Story {
    /// Takes one more step, and holds it against the laws.
    fn step(&mut self, dialogue: &mut Dialogue, input: &Input) {
        let before = dialogue.stage();
        self.agreed_while_asked |= *input == Input::Agree && self.asked;
        self.accepted |= *input == Input::Heard(Message::Accept);
        for output in dialogue.handle(input.clone()) {
            let at = format!("{input:?} at {before:?} gives {output:?}");
            assert!(!self.ended, "after the end: {at}");
            match output {
                Output::Ask => self.asked = true,
                Output::Show(_) => self.shown = true,
                Output::StartMedia => {
                    assert!(!self.started, "twice: {at}");
                    assert!(self.shown, "before the words were shown: {at}");
                    let consent = if dialogue.answers() { self.agreed_while_asked } else { self.accepted };
                    assert!(consent, "without consent: {at}");
                    self.started = true;
                }
                Output::Send(Message::Media(_) | Message::Report(_)) | Output::PeerMedia(_) | Output::PeerReport(_) => {
                    assert!(self.started, "before the call: {at}");
                }
                Output::End(_) => self.ended = true,
                Output::Send(_) | Output::Meet(..) => {}
            }
        }
        assert_eq!(self.started && !self.ended, dialogue.stage() == Stage::Talking, "{input:?} at {before:?}");
        assert_eq!(self.ended, matches!(dialogue.stage(), Stage::Over(_)), "{input:?} at {before:?}");
    }
}

/// Every input at every stage, along every way of up to `steps` inputs. Answers which stages were met with which inputs.
fn walk(dialogue: &Dialogue, story: &Story, steps: usize, met: &mut HashSet<(Stage, usize)>) {
    if steps == 0 {
        return;
    }
    for (number, input) in inputs().iter().enumerate() {
        let (mut dialogue, mut story) = (dialogue.clone(), story.clone());
        met.insert((dialogue.stage(), number));
        story.step(&mut dialogue, input);
        // What is over stays so: one step beyond has shown it.
        let further = if story.ended { steps.min(2) - 1 } else { steps - 1 };
        walk(&dialogue, &story, further, met);
    }
}

#[test]
fn no_input_at_any_stage_starts_media_without_consent() {
    for dialogue in [caller().0, answerer(offer()), answerer(Offer { knows_caller: true, ..offer() })] {
        let mut met = HashSet::new();
        walk(&dialogue, &Story::default(), 6, &mut met);
        let stages: &[Stage] = if dialogue.answers() {
            &[Stage::Greeting, Stage::Binding, Stage::Ringing, Stage::Talking, Stage::Over(Farewell::HungUp)]
        } else {
            &[Stage::Greeting, Stage::Ringing, Stage::Talking, Stage::Over(Farewell::HungUp)]
        };
        for stage in stages {
            for number in 0..inputs().len() {
                assert!(met.contains(&(*stage, number)), "{stage:?} never met {:?}", inputs()[number]);
            }
        }
    }
}
