//! How frames cross: in order, once, whole, whatever order and number their packets arrive in.

use std::time::Duration;

use oyster_transport::{
    FragmentError, FrameNumber, FrameReceiver, FrameSender, Profile, ReceivedFrame, ReceiverConfig, SenderConfig,
};
use proptest::prelude::*;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Frames of 1200 bytes a packet, all sent at time zero: the datagrams in sequence order.
fn datagrams(sender: &mut FrameSender, packets_per_frame: &[usize]) -> Vec<Vec<u8>> {
    for (frame, &packets) in packets_per_frame.iter().enumerate() {
        sender.send(vec![frame as u8; 1200 * packets], Duration::ZERO).expect("within the limits");
    }
    std::iter::from_fn(|| sender.poll_transmit(millis(1000))).collect()
}

fn oyster() -> (FrameSender, FrameReceiver) {
    (FrameSender::new(SenderConfig::default()), FrameReceiver::new(ReceiverConfig::default()))
}

/// As `oyster`, with frames in order: a baseline.
fn in_order() -> (FrameSender, FrameReceiver) {
    let profile = Profile::Conventional;
    (FrameSender::new(SenderConfig::for_profile(profile)), FrameReceiver::new(ReceiverConfig::for_profile(profile)))
}

fn frames(receiver: &mut FrameReceiver, now: Duration) -> Vec<ReceivedFrame> {
    std::iter::from_fn(|| receiver.poll_frame(now)).collect()
}

fn complete(frame: u32, packets: usize) -> ReceivedFrame {
    ReceivedFrame::Complete { number: FrameNumber(frame), payload: vec![frame as u8; 1200 * packets] }
}

#[test]
fn reordering_across_a_frame_boundary_costs_nothing() {
    let (mut sender, mut receiver) = oyster();
    let sent = datagrams(&mut sender, &[2, 2]);
    let mut arrived = Vec::new();
    for (at, packet) in [0, 2, 1, 3].into_iter().enumerate() {
        let now = millis(100 + at as u64);
        receiver.handle_fragment(&sent[packet], now).unwrap();
        arrived.extend(frames(&mut receiver, now));
        while let Some(ack) = receiver.poll_ack(b"", now) {
            let acked = sender.handle_ack(&ack, now + millis(20)).unwrap();
            assert_eq!(acked.lost_frames, []);
        }
    }
    assert_eq!(arrived, [complete(0, 2), complete(1, 2)]);
    assert_eq!(sender.in_flight_bytes(), 0);
}

#[test]
fn a_lost_packet_is_waited_for_and_then_its_frames_prefix_is_handed_on() {
    let (mut sender, mut receiver) = in_order();
    let sent = datagrams(&mut sender, &[3, 1]);
    receiver.handle_fragment(&sent[0], millis(100)).unwrap();
    receiver.handle_fragment(&sent[2], millis(102)).unwrap();
    assert_eq!(receiver.poll_timeout(), None); // nothing newer: it may simply be on its way
    receiver.handle_fragment(&sent[3], millis(110)).unwrap();
    assert_eq!(receiver.poll_timeout(), Some(millis(150)));
    assert_eq!(frames(&mut receiver, millis(149)), []);
    let abandoned = ReceivedFrame::Abandoned {
        number: FrameNumber(0),
        prefix: vec![0; 1200],
        prefix_fragments: 1,
        total_fragments: 3,
    };
    assert_eq!(frames(&mut receiver, millis(150)), [abandoned, complete(1, 1)]);
    assert_eq!(receiver.poll_timeout(), None);
}

#[test]
fn a_whole_frame_comes_out_at_once_whatever_is_missing_before_it() {
    let (mut sender, mut receiver) = oyster();
    let sent = datagrams(&mut sender, &[2, 1, 2]);
    for packet in [0, 2, 3] {
        receiver.handle_fragment(&sent[packet], millis(100)).unwrap();
    }
    assert_eq!(frames(&mut receiver, millis(100)), [complete(1, 1)]);
    receiver.handle_fragment(&sent[1], millis(900)).unwrap();
    assert_eq!(frames(&mut receiver, millis(900)), [complete(0, 2)], "late, but asked for until it is forgotten");
    receiver.forget_before(FrameNumber(3));
    receiver.handle_fragment(&sent[4], millis(901)).unwrap();
    assert_eq!(frames(&mut receiver, millis(901)), []);
    assert_eq!(std::iter::from_fn(|| receiver.poll_ack(b"", millis(901))).count(), 5, "each is acknowledged");
}

#[test]
fn where_packets_are_lost_frames_repair_themselves() {
    let (mut sender, mut receiver) = oyster();
    let mut now = Duration::ZERO;
    let (mut packets, mut whole, mut late) = (0, 0, 0);
    for frame in 0..600_u32 {
        now += millis(33);
        let bytes: Vec<u8> = (0..2500 + frame).map(|byte| (byte * 7 + frame) as u8).collect();
        sender.send(bytes.clone(), now).unwrap();
        while let Some(datagram) = sender.poll_transmit(now + millis(20)) {
            packets += 1;
            if packets * 7 % 10 != 0 {
                receiver.handle_fragment(&datagram, now + millis(40)).unwrap();
            }
        }
        while let Some(ReceivedFrame::Complete { payload, .. }) = receiver.poll_frame(now + millis(40)) {
            assert_eq!(payload, bytes);
            whole += 1;
            late += u32::from(frame >= 100);
        }
        while let Some(ack) = receiver.poll_ack(b"", now + millis(40)) {
            sender.handle_ack(&ack, now + millis(60)).unwrap();
        }
    }
    assert!((sender.loss() - 0.1).abs() < 0.02, "{}", sender.loss());
    assert!(late >= 490 && whole < 600, "{late} of 500 once the loss is known; {whole} of 600 in all");
}

#[test]
fn packets_of_newer_frames_end_the_wait_as_well() {
    let (mut sender, mut receiver) = in_order();
    let sent = datagrams(&mut sender, &[1, 20]);
    for (packet, datagram) in sent.iter().enumerate().skip(1) {
        receiver.handle_fragment(datagram, millis(100)).unwrap();
        let done = frames(&mut receiver, millis(100));
        assert!(done.is_empty() || packet == 20, "packet {packet}");
    }
    assert_eq!(receiver.poll_timeout(), None);
}

#[test]
fn a_late_packet_is_acked_although_its_frame_is_gone() {
    let (mut sender, mut receiver) = in_order();
    let sent = datagrams(&mut sender, &[2, 1]);
    receiver.handle_fragment(&sent[0], millis(100)).unwrap();
    receiver.handle_fragment(&sent[2], millis(100)).unwrap();
    assert_eq!(frames(&mut receiver, millis(200)).len(), 2);
    while receiver.poll_ack(b"", millis(200)).is_some() {}
    receiver.handle_fragment(&sent[1], millis(201)).unwrap();
    let ack = receiver.poll_ack(b"state", millis(201)).expect("late, not lost");
    let acked = sender.handle_ack(&ack, millis(220)).unwrap();
    assert_eq!((acked.arrived_packets, acked.completed_frames.len()), (3, 2));
    assert_eq!(frames(&mut receiver, millis(300)), []);
}

#[test]
fn duplicates_are_neither_acked_nor_handed_on_twice() {
    let (mut sender, mut receiver) = oyster();
    let sent = datagrams(&mut sender, &[2, 1]);
    for datagram in sent.iter().flat_map(|datagram| [datagram, datagram]) {
        receiver.handle_fragment(datagram, millis(100)).unwrap();
    }
    assert_eq!(frames(&mut receiver, millis(100)), [complete(0, 2), complete(1, 1)]);
    let acks: Vec<_> = std::iter::from_fn(|| receiver.poll_ack(b"", millis(100))).collect();
    assert_eq!(acks.len(), 3);
    // A duplicated ack is old news.
    let first = sender.handle_ack(&acks[0], millis(120)).unwrap();
    let again = sender.handle_ack(&acks[0], millis(121)).unwrap();
    assert_eq!((first.newest, again.newest, again.arrived_packets), (true, false, 0));
}

#[test]
fn only_the_newest_acks_report_counts() {
    let (mut sender, mut receiver) = oyster();
    let sent = datagrams(&mut sender, &[1, 1]);
    receiver.handle_fragment(&sent[0], millis(100)).unwrap();
    let older = receiver.poll_ack(b"older", millis(100)).unwrap();
    receiver.handle_fragment(&sent[1], millis(110)).unwrap();
    let newer = receiver.poll_ack(b"newer", millis(110)).unwrap();
    assert_eq!(sender.handle_ack(&newer, millis(130)).unwrap().report, b"newer");
    let overtaken = sender.handle_ack(&older, millis(140)).unwrap();
    assert_eq!((overtaken.newest, overtaken.report.len()), (false, 0));
}

#[test]
fn fragments_that_contradict_their_frame_are_refused_and_the_frame_stands() {
    let (mut sender, mut receiver) = oyster();
    let sent = datagrams(&mut sender, &[2]);
    receiver.handle_fragment(&sent[0], millis(100)).unwrap();
    let mut forged = sent[1].clone();
    forged[12] = 5; // five fragments now
    let refused = receiver.handle_fragment(&forged, millis(100));
    assert_eq!(refused, Err(FragmentError::Contradiction { frame: 0, expected: 2, count: 5 }));
    receiver.handle_fragment(&sent[1], millis(100)).unwrap();
    assert_eq!(frames(&mut receiver, millis(100)), [complete(0, 2)]);
    assert_eq!(std::iter::from_fn(|| receiver.poll_ack(b"", millis(100))).count(), 2);
}

#[test]
fn packets_leave_at_most_two_milliseconds_apart() {
    let (mut sender, _) = oyster();
    sender.send(vec![0; 12_000], millis(5)).unwrap();
    let mut last = millis(5);
    for packet in 0..10 {
        let due = sender.poll_timeout().expect("ten packets wait");
        assert!(due <= last + millis(2) && (due > last || packet == 0), "packet {packet}: {due:?}");
        assert!(sender.poll_transmit(due).is_some());
        last = due;
    }
    assert_eq!(sender.poll_timeout(), None);
}

proptest! {
    /// Whatever a network does, frames come out at most once, in order if asked to, and whole ones are what was sent.
    #[test]
    fn frames_come_out_once_and_as_they_were_sent(
        packets_per_frame in prop::collection::vec(1usize..5, 1..30),
        // for each packet: copies that arrive, and how many places each is late
        fates in prop::collection::vec(prop::collection::vec(0usize..25, 0..3), 150),
        profile in prop::sample::select(vec![Profile::Classic, Profile::Conventional, Profile::Oyster]),
    ) {
        let payload_bytes_max = 1200;
        let mut sender = FrameSender::new(SenderConfig { payload_bytes_max, ..SenderConfig::for_profile(profile) });
        let mut receiver = FrameReceiver::new(ReceiverConfig::for_profile(profile));
        let sent = datagrams(&mut sender, &packets_per_frame);
        let mut arrivals: Vec<(usize, usize)> = Vec::new();
        for (packet, copies) in fates.iter().enumerate().take(sent.len()) {
            arrivals.extend(copies.iter().map(|late| (packet + late, packet)));
        }
        arrivals.sort_unstable();
        let (mut last, mut seen) = (None, Vec::new());
        let mut lost = Vec::new();
        for (place, packet) in arrivals {
            let now = millis(1000 + 2 * place as u64);
            receiver.handle_fragment(&sent[packet], now).unwrap();
            while let Some(frame) = receiver.poll_frame(now) {
                prop_assert!(last < Some(frame.number()) || profile == Profile::Oyster);
                prop_assert!(!seen.contains(&frame.number()));
                last = Some(frame.number());
                seen.push(frame.number());
                let number = frame.number().0 as usize;
                let whole = vec![number as u8; 1200 * packets_per_frame[number]];
                match frame {
                    ReceivedFrame::Complete { payload, .. } => prop_assert_eq!(payload, whole),
                    ReceivedFrame::Abandoned { prefix, prefix_fragments, total_fragments, .. } => {
                        prop_assert_eq!(usize::from(total_fragments), packets_per_frame[number]);
                        prop_assert!(prefix_fragments < total_fragments);
                        prop_assert_eq!(&prefix[..], &whole[..1200 * usize::from(prefix_fragments)]);
                    }
                }
            }
            while let Some(ack) = receiver.poll_ack(b"", now) {
                lost.extend(sender.handle_ack(&ack, now + millis(20)).unwrap().lost_frames);
            }
        }
        let named = lost.len();
        lost.sort_unstable();
        lost.dedup();
        prop_assert_eq!(named, lost.len());
    }

    #[test]
    fn no_bytes_make_a_fragment_panic(
        datagrams in prop::collection::vec((prop::collection::vec(any::<u8>(), 17..60), 0u64..50), 1..200),
    ) {
        let (_, mut receiver) = oyster();
        let mut now = Duration::ZERO;
        for (mut datagram, later) in datagrams {
            now += millis(later);
            datagram[0] = 0x11;
            datagram[5..8].fill(0); // few frames, so that they meet
            datagram[9] = 0;
            datagram[11] = 0;
            let _ = receiver.handle_fragment(&datagram, now);
            while receiver.poll_frame(now).is_some() {}
            while receiver.poll_ack(b"", now).is_some() {}
        }
    }
}
