//! Whatever bytes arrive as fragments or acks, interleaved with honest traffic: nothing panics, nothing is held past its
//! limit, and what can be read is what would be written.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use oyster_transport::{
    AckHeader, FragmentHeader, FrameReceiver, FrameSender, Profile, ReceiverConfig, SenderConfig,
};

fuzz_target!(|input: &[u8]| {
    let Some((&first, mut rest)) = input.split_first() else { return };
    let profile = [Profile::Oyster, Profile::Classic, Profile::Conventional][usize::from(first % 3)];
    let mut sender = FrameSender::new(SenderConfig::for_profile(profile));
    let mut receiver = FrameReceiver::new(ReceiverConfig::for_profile(profile));
    let mut now = Duration::ZERO;
    // Records: length, milliseconds to wait, then that many bytes.
    while let [length, wait_ms, tail @ ..] = rest {
        let (datagram, after) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = after;
        now += Duration::from_millis(u64::from(*wait_ms));
        if let Ok((header, slice)) = FragmentHeader::read(datagram) {
            assert_eq!(header.write(slice), datagram);
        }
        if let Ok((header, report)) = AckHeader::read(datagram) {
            assert_eq!(header.write(report), datagram);
        }
        let _ = receiver.handle_fragment(datagram, now);
        let _ = sender.handle_ack(datagram, now);
        let budget = sender.budget_above(1000, now);
        assert!(budget.wire_bytes >= 0.0);
        if budget.payload_bytes > 0 {
            let _ = sender.send(vec![0; budget.payload_bytes.min(3000)], now);
        }
        while let Some(datagram) = sender.poll_transmit(now) {
            let _ = receiver.handle_fragment(&datagram, now);
        }
        while receiver.poll_frame(now).is_some() {}
        while let Some(ack) = receiver.poll_ack(b"report", now) {
            let _ = sender.handle_ack(&ack, now);
        }
    }
});
