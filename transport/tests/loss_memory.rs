//! How long a loss tells the sender that others keep the queue: the one thing about a standing queue that takes seconds to show.

use std::collections::VecDeque;
use std::time::Duration;

use oyster_transport::{FrameReceiver, FrameSender, Ingredient, ReceiverConfig, SenderConfig};

const TICK: Duration = Duration::from_micros(100);
const PACKETS: usize = 4;

/// A path that serves a packet in 4 ms and takes 20 ms besides; from the first second on, others keep a queue of 30 ms on it.
/// Every 33 ms a frame of four packets crosses it, and one packet is lost. Answers when each frame began to leave, and how long it took.
fn departures(lost_at: Duration, until: Duration) -> Vec<(Duration, Duration)> {
    let mut sender = FrameSender::new(SenderConfig { without: Some(Ingredient::Repair), ..SenderConfig::default() });
    let mut receiver = FrameReceiver::new(ReceiverConfig::default());
    let (mut there, mut back) = (VecDeque::new(), VecDeque::new());
    let (mut now, mut next_frame, mut served) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut left, mut is_lost) = (Vec::new(), false);
    while now < until {
        if now >= next_frame {
            next_frame += Duration::from_millis(33);
            sender.send(vec![0; 1200 * PACKETS], now).expect("within the limits");
        }
        while let Some(datagram) = sender.poll_transmit(now) {
            left.push(now);
            if now >= lost_at && !is_lost {
                is_lost = true;
                continue;
            }
            let one_way = Duration::from_millis(if now < Duration::from_secs(1) { 20 } else { 50 });
            served = (now + one_way).max(served + Duration::from_millis(4));
            there.push_back((served, datagram));
        }
        while let Some((_, datagram)) = there.pop_front_if(|(due, _)| *due <= now) {
            receiver.handle_fragment(&datagram, now).expect("our own fragments");
        }
        while receiver.poll_frame(now).is_some() {}
        while let Some(ack) = receiver.poll_ack(b"", now) {
            back.push_back((now + Duration::from_millis(20), ack));
        }
        while let Some((_, ack)) = back.pop_front_if(|(due, _)| *due <= now) {
            sender.handle_ack(&ack, now).expect("our own acks");
        }
        now += TICK;
    }
    left.chunks_exact(PACKETS).map(|frame| (frame[0], frame[PACKETS - 1] - frame[0])).collect()
}

#[test]
fn a_queue_that_overflowed_is_not_made_room_in_for_four_seconds() {
    let lost_at = Duration::from_secs(3);
    let frames = departures(lost_at, Duration::from_secs(9));
    // Where a queue stands, and none overflows, a frame is spread out so that all who share it find the same.
    let is_spread = |took: Duration| took > Duration::from_millis(8);
    let before: Vec<_> = frames.iter().filter(|(at, _)| (2500..2990).contains(&at.as_millis())).collect();
    assert!(before.iter().all(|(_, took)| is_spread(*took)), "{before:?}");
    let mut after = frames.iter().skip_while(|(at, _)| *at < lost_at);
    let (hurries_at, _) =
        after.find(|(_, took)| !is_spread(*took)).expect("who goes by loss takes what is left to him");
    assert!(*hurries_at - lost_at < Duration::from_millis(200), "{hurries_at:?}");
    let (yields_at, _) = after.find(|(_, took)| is_spread(*took)).expect("it is forgotten in the end");
    let remembered = *yields_at - *hurries_at;
    assert!((3500..4500).contains(&remembered.as_millis()), "{remembered:?}");
}
