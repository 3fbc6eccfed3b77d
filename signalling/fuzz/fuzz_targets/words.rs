//! Whatever comes as a ticket, a message or a datagram: nothing panics, and what can be read is what would be written. An
//! answerer that hears it all never starts media, as nobody says yes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oyster_signalling::{
    Abilities, Binding, Datagram, Dialogue, Input, Message, Nonce, Offer, Output, ProgramName, Secret, Ticket,
};

fuzz_target!(|input: &[u8]| {
    if let Some(ticket) = std::str::from_utf8(input).ok().and_then(|text| text.parse::<Ticket>().ok()) {
        assert_eq!(ticket.to_string().parse(), Ok(ticket));
    }
    if let Ok(datagram) = Datagram::from_bytes(input) {
        assert_eq!(datagram.to_bytes(), input);
    }
    let offer = Offer { secret: Secret([0; 16]), used: Vec::new(), knows_caller: true, is_busy: false };
    let name = ProgramName::new("fuzz");
    let mut answerer = Dialogue::answer(name, Abilities::VIDEO, offer, Binding([0; 32]), Nonce([0; 16]));
    let mut rest = input;
    while let Ok(Some((message, taken))) = Message::take(rest) {
        if let Some(message) = message {
            assert_eq!(message.to_bytes(), &rest[..taken]);
            assert!(!answerer.handle(Input::Heard(message)).contains(&Output::StartMedia));
        }
        rest = &rest[taken..];
    }
});
