//! The law of a call: whatever the network does, a picture on the receiver's screen is the one that the sender committed
//! to, to the bit; and once the network is well again, pictures move again.

mod call;

use std::cell::Cell;
use std::rc::Rc;

use call::{Call, Fate, arrives, millis, scene, seconds};
use oyster_transport::Profile;
use proptest::prelude::*;

/// What becomes of datagrams one after another, round and round, as long as the network is ill.
fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let late = || prop_oneof![6 => Just(0), 1 => 1..10u64, 1 => 10..120u64].prop_map(millis);
    let loss = prop_oneof![Just(1u32), Just(10), Just(40), Just(400)]; // against 100 that arrive
    loss.prop_flat_map(move |loss| {
        let fate = prop_oneof![
            90 => prop::collection::vec(late(), 1),
            10 => prop::collection::vec(late(), 2),
            loss => Just(Vec::new()),
        ];
        prop::collection::vec(fate, 1..100)
    })
}

fn while_ill<T>(ill: &Rc<Cell<bool>>, fates: Vec<Fate>) -> Box<dyn FnMut(&T) -> Fate> {
    let ill = Rc::clone(ill);
    let mut fates = fates.into_iter().cycle();
    Box::new(move |_| fates.next().filter(|_| ill.get()).unwrap_or_else(arrives))
}

proptest! {
    // A case is five seconds of call: more of them, and a thorough search for the smallest, where one is failing.
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_picture_shown_is_as_committed_and_the_call_recovers(
        oyster: bool, encode_ms in 0..40u64, kilobytes_per_second in prop_oneof![Just(f64::INFINITY), 5.0..100.0f64],
        media in fates(), acks in fates(),
    ) {
        let profile = if oyster { Profile::Oyster } else { Profile::Conventional };
        let ill = Rc::new(Cell::new(true));
        let mut call = Call::new(profile);
        call.pictures = scene(48, 32);
        call.encode_cost = millis(encode_ms);
        call.bytes_per_second = kilobytes_per_second * 1e3;
        call.media = while_ill(&ill, media);
        call.acks = while_ill(&ill, acks);
        call.run_for(seconds(2));
        ill.set(false);
        call.run_for(seconds(3));
        call.assert_every_picture_is_as_committed();
        let newest = call.shown.last().map(|shown| call.frame(shown.frame.0).at);
        let age = call.now - newest.unwrap_or_default();
        // An average takes longer than that to find out how slow a link is.
        let recovers = oyster || kilobytes_per_second.is_infinite();
        prop_assert!(age < millis(500) || !recovers, "the newest picture is {age:?} old");
    }
}
