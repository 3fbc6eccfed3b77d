//! What the sending half refuses, what its budgets leave room for, and when its packets go.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn the_payload_within_some_wire_bytes_is_the_largest_that_fits(
        wire_bytes in 0usize..100_000, payload_bytes_max in 1usize..=1500, overhead_bytes in 0usize..100,
    ) {
        let sender = FrameSender::new(SenderConfig { payload_bytes_max, overhead_bytes, ..SenderConfig::default() });
        let payload_bytes = sender.payload_within(wire_bytes as f64);
        prop_assert!(payload_bytes == 0 || sender.wire_bytes(payload_bytes) <= wire_bytes);
        prop_assert!(sender.wire_bytes(payload_bytes + 1) > wire_bytes);
    }

    #[test]
    fn no_bytes_make_an_ack_panic(
        acks in prop::collection::vec(prop::collection::vec(any::<u8>(), 30..60), 1..20), frames in 0usize..5,
    ) {
        let mut sender = FrameSender::new(SenderConfig::default());
        let now = Duration::from_secs(1);
        for _ in 0..frames {
            sender.send(vec![1; 5000], now).unwrap();
        }
        let later = Duration::from_secs(2);
        while sender.poll_transmit(later).is_some() {}
        for mut ack in acks {
            ack[0] = 0x12;
            ack[17..20].fill(0); // the newest sequence: often one that was sent
            ack[5..8].fill(0);
            let _ = sender.handle_ack(&ack, later);
            let budget = sender.budget_above(3000, later);
            prop_assert!(budget.wire_bytes >= 0.0);
            prop_assert!(sender.rate(later) >= 200.0);
        }
    }
}

#[test]
fn frames_that_no_receiver_would_take_are_not_sent() {
    let mut sender = FrameSender::new(SenderConfig::default());
    assert_eq!(sender.send(Vec::new(), Duration::ZERO), Err(SendError::Empty));
    let bytes = MAX_FRAME_BYTES + 1;
    assert_eq!(sender.send(vec![0; bytes], Duration::ZERO), Err(SendError::TooLarge { bytes }));
    for frame in 0..2 {
        assert_eq!(sender.send(vec![0; MAX_FRAME_BYTES], Duration::ZERO), Ok(FrameNumber(frame)));
    }
    let packets = 2 * MAX_FRAME_BYTES.div_ceil(1200);
    assert_eq!(sender.send(vec![0; MAX_FRAME_BYTES], Duration::ZERO), Err(SendError::QueueFull { packets }));
}

/// A sender twenty packets of which have arrived, one every 40 ms, so that there is a rate, before 800 ms.
fn settled() -> FrameSender {
    let mut sender = FrameSender::new(SenderConfig::default());
    for sequence in 0..20u32 {
        let now = Duration::from_millis(u64::from(sequence) * 40);
        sender.send(vec![1; 1000], now).unwrap();
        acked(&mut sender, sequence, now);
    }
    sender
}

fn acked(sender: &mut FrameSender, sequence: u32, now: Duration) {
    sender.poll_transmit(now).expect("one packet is due");
    let later = now + Duration::from_millis(20);
    let received_us = later.as_micros() as u64;
    let (number, newest, bitmap, run_start, inter_arrival_us) = (sequence, sequence, u64::MAX, 0, 10_000);
    let ack = AckHeader { number, sequence, received_us, newest, bitmap, run_start, inter_arrival_us };
    sender.handle_ack(&ack.write(&[]), later).unwrap();
}

#[test]
fn frames_make_room_for_what_goes_beside_them_until_it_has_arrived() {
    let mut sender = settled();
    let now = Duration::from_millis(800);
    let alone = sender.budget(now).wire_bytes;
    for _ in 0..3 {
        sender.handle_other_bytes(200, now);
    }
    assert_eq!(sender.budget(now).wire_bytes, alone - 600.0);
    let later = now + Duration::from_millis(1);
    sender.send(vec![1; 1000], later).unwrap();
    acked(&mut sender, 20, later + Duration::from_millis(1));
    let rate_may_differ = sender.budget(later + Duration::from_millis(21)).wire_bytes;
    assert!(rate_may_differ > alone - 300.0, "{rate_may_differ} after, {alone} before");
}

#[test]
fn frames_wait_for_what_goes_beside_them() {
    let mut sender = settled();
    let now = Duration::from_millis(800);
    sender.send(vec![1; 4000], now).unwrap();
    let due = sender.poll_timeout().unwrap();
    sender.handle_other_bytes(200, now);
    assert!(sender.poll_timeout().unwrap() > due);
}

#[test]
fn an_end_that_is_heard_again_is_sent_to_at_once() {
    let mut sender = settled();
    // What is lost while the path is silent, and the first probe of it.
    for at in [Duration::from_millis(800), Duration::from_millis(1000)] {
        sender.send(vec![1; 5000], at).unwrap();
        while sender.poll_transmit(at + Duration::from_millis(50)).is_some() {}
    }
    let now = Duration::from_millis(1100);
    assert!(sender.budget(now).survival_payload_bytes.is_none(), "the next probe is not due yet");
    sender.handle_return();
    assert!(sender.budget(now).survival_payload_bytes.is_some());
}

#[test]
fn no_budget_begins_a_packet_for_a_few_bytes() {
    let sender = FrameSender::new(SenderConfig::default());
    let packet = sender.packet_wire_bytes() as f64;
    assert_eq!(sender.without_stub(0.3 * packet), 0.3 * packet, "the first packet is all there is");
    assert_eq!(sender.without_stub(1.3 * packet), packet);
    assert_eq!(sender.without_stub(1.5 * packet), 1.5 * packet);
    assert_eq!(sender.without_stub(f64::INFINITY), f64::INFINITY);
}

#[test]
fn an_ack_of_what_was_never_sent_is_refused() {
    let mut sender = FrameSender::new(SenderConfig::default());
    sender.send(vec![1; 10], Duration::ZERO).unwrap();
    let ack =
        AckHeader { number: 0, sequence: 0, received_us: 0, newest: 0, bitmap: 0, run_start: 0, inter_arrival_us: 0 };
    assert_eq!(sender.handle_ack(&ack.write(&[]), Duration::ZERO), Err(AckError::NeverSent { newest: 0 }));
    sender.poll_transmit(Duration::ZERO).unwrap();
    assert!(sender.handle_ack(&ack.write(&[]), Duration::ZERO).is_ok());
}
