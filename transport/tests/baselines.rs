//! The two profiles we are compared with: that they do what is said of them, also where that is bad.

mod world;

use std::time::Duration;

use oyster_transport::{FrameReceiver, FrameSender, Profile, ReceivedFrame, ReceiverConfig, SenderConfig};
use world::{Camera, Weather, World};

const MBIT: f64 = 125_000.0;
const CAMERA: Camera = Camera { wanted_bytes: 14_000, floor_bytes: 1000 };

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// The times at which what waits leaves.
fn drain(sender: &mut FrameSender) -> Vec<(Duration, Vec<u8>)> {
    let mut left = Vec::new();
    while let Some(due) = sender.poll_timeout() {
        assert!(due == Duration::ZERO || sender.poll_transmit(due - micros(1)).is_none());
        left.push((due, sender.poll_transmit(due).expect("it is due")));
    }
    left
}

#[test]
fn classic_by_hand() {
    let mut sender = FrameSender::new(SenderConfig::for_profile(Profile::Classic));
    let mut receiver = FrameReceiver::new(ReceiverConfig::for_profile(Profile::Classic));
    assert_eq!(sender.budget(Duration::ZERO).payload_bytes, usize::MAX);

    // A frame of 3.5 packets: the first at once, the others 2000 µs apart while no ack has come.
    sender.send(vec![1; 4900], Duration::ZERO).unwrap();
    let left = drain(&mut sender);
    let times: Vec<_> = left.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [micros(0), micros(2000), micros(4000), micros(6000)]);
    assert_eq!(left.iter().map(|(_, datagram)| datagram.len() - 17).collect::<Vec<_>>(), [1400, 1400, 1400, 700]);

    // They arrive 20 ms apart: averages 0, 2000, 3800, 5420 µs.
    let mut budgets = Vec::new();
    for (packet, (_, datagram)) in left.iter().enumerate() {
        let arrival = micros(100_000 + 20_000 * packet as u64);
        receiver.handle_fragment(datagram, arrival).unwrap();
        let ack = receiver.poll_ack(b"", arrival).unwrap();
        sender.handle_ack(&ack, arrival).unwrap();
        budgets.push(sender.budget(arrival).payload_bytes);
    }
    // 4 sent; index 0 acked: floor(100000/1) − 4; floor(100/2) − 3; floor(100/3.8) − 2; floor(100/5.42) − 1.
    assert_eq!(budgets, [1400 * 99_996, 1400 * 47, 1400 * 24, 1400 * 17]);
    assert_eq!(receiver.inter_arrival_us(), 5420);

    // The next frame 200 ms after the first was taken: its first fragment says so, and packets go every 5420/5 µs.
    sender.send(vec![2; 2000], micros(200_000)).unwrap();
    let left = drain(&mut sender);
    assert_eq!(left.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [micros(200_000), micros(201_084)]);
    let grace: Vec<_> = left.iter().map(|(_, datagram)| datagram[13..17].to_vec()).collect();
    assert_eq!(grace, [200_000u32.to_be_bytes().to_vec(), vec![0; 4]]);
    // It arrives 240 ms after the last: 240 − 200 ms counts: 0.9 · 5420 + 0.1 · 40000 = 8878.
    receiver.handle_fragment(&left[0].1, micros(400_000)).unwrap();
    assert_eq!(receiver.inter_arrival_us(), 8878);
}

#[test]
fn classic_abandons_a_frame_at_the_first_packet_of_a_newer_one_and_never_acks_the_rest() {
    let mut sender = FrameSender::new(SenderConfig::for_profile(Profile::Classic));
    let mut receiver = FrameReceiver::new(ReceiverConfig::for_profile(Profile::Classic));
    let first = sender.send(vec![1; 4200], Duration::ZERO).unwrap();
    let second = sender.send(vec![2; 100], Duration::ZERO).unwrap();
    let left = drain(&mut sender);
    for packet in [0, 2, 3] {
        receiver.handle_fragment(&left[packet].1, micros(1)).unwrap();
    }
    let abandoned =
        ReceivedFrame::Abandoned { number: first, prefix: vec![1; 1400], prefix_fragments: 1, total_fragments: 3 };
    assert_eq!(receiver.poll_frame(micros(1)), Some(abandoned));
    assert_eq!(receiver.poll_frame(micros(1)), Some(ReceivedFrame::Complete { number: second, payload: vec![2; 100] }));
    while receiver.poll_ack(b"", micros(1)).is_some() {}
    receiver.handle_fragment(&left[1].1, micros(2)).unwrap();
    assert_eq!(receiver.poll_ack(b"", micros(2)), None);
    assert_eq!(receiver.accepted_packets(), 3);
}

#[test]
fn classic_ignores_an_ack_of_an_older_packet() {
    let mut sender = FrameSender::new(SenderConfig::for_profile(Profile::Classic));
    let mut receiver = FrameReceiver::new(ReceiverConfig::for_profile(Profile::Classic));
    sender.send(vec![1; 2800], Duration::ZERO).unwrap();
    let left = drain(&mut sender);
    for packet in [1, 0] {
        receiver.handle_fragment(&left[packet].1, micros(10_000)).unwrap();
    }
    let newer = receiver.poll_ack(b"newer packet", micros(10_000)).unwrap();
    let older = receiver.poll_ack(b"older packet", micros(10_000)).unwrap();
    let acked = sender.handle_ack(&newer, micros(20_000)).unwrap();
    assert_eq!((acked.newest, acked.report.as_slice()), (true, b"newer packet".as_slice()));
    let acked = sender.handle_ack(&older, micros(20_000)).unwrap();
    assert_eq!((acked.newest, acked.report.as_slice()), (false, b"".as_slice()));
}

#[test]
fn classic_keeps_about_a_hundred_milliseconds_on_a_steady_link() {
    let mut world = World::new(Profile::Classic, CAMERA, |_| Weather::clear(2.0 * MBIT));
    world.run_until(seconds(10.0));
    let worst = world.worst_delay(seconds(3.0), seconds(9.0)).expect("nothing is lost");
    assert!((Duration::from_millis(70)..Duration::from_millis(220)).contains(&worst), "{worst:?}");
    let used = world.goodput(seconds(3.0), seconds(9.0)) / (2.0 * MBIT);
    assert!(used > 0.7, "{used}");
}

#[test]
fn conventional_finds_the_rate_in_seconds_and_pays_for_a_drop_with_seconds_of_delay() {
    let mut world = World::new(Profile::Conventional, CAMERA, |now| {
        Weather::clear(if now < seconds(20.0) { 4.0 * MBIT } else { 0.8 * MBIT })
    });
    world.run_until(seconds(40.0));
    let found = world.goodput(seconds(12.0), seconds(20.0)) / (4.0 * MBIT);
    assert!((0.5..1.1).contains(&found), "{found}");
    let steady = world.worst_delay(seconds(12.0), seconds(19.0)).expect("nothing is lost");
    assert!(steady < Duration::from_millis(1000), "{steady:?}");
    let after = world.goodput(seconds(30.0), seconds(40.0)) / (0.8 * MBIT);
    assert!((0.2..1.0).contains(&after), "{after}");
    let recovered = world.delays(seconds(34.0), seconds(39.0)).into_iter().flatten().max().expect("frames arrive");
    assert!(recovered < Duration::from_millis(1000), "{recovered:?}");
}

#[test]
fn conventional_gives_way_to_silence() {
    let mut world = World::new(Profile::Conventional, CAMERA, |now| Weather {
        ack_loss: if now < seconds(5.0) { 0.0 } else { 1.0 },
        ..Weather::clear(4.0 * MBIT)
    });
    world.run_until(seconds(5.0));
    let before = world.sender.rate(world.now);
    world.run_until(seconds(15.0));
    assert!(world.sender.rate(world.now) <= (before / 256.0).max(5000.0));
}
