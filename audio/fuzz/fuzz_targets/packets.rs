//! Whatever bytes arrive as sound, interleaved with honest packets: nothing panics, what can be read is what would be written, and
//! what is pulled is sound.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use oyster_audio::{AudioReceiver, AudioSender, FRAME_SAMPLES, Packet};

fuzz_target!(|input: &[u8]| {
    let mut sender = AudioSender::new().expect("there is memory");
    let mut receiver = AudioReceiver::new().expect("there is memory");
    let frame: [f32; FRAME_SAMPLES] = std::array::from_fn(|i| (i as f32 * 0.05).sin() * 0.3);
    let mut now = Duration::ZERO;
    let mut rest = input;
    // Records: length, milliseconds to wait, then that many bytes.
    while let [length, wait_ms, tail @ ..] = rest {
        let (datagram, after) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = after;
        now += Duration::from_millis(u64::from(*wait_ms));
        if let Ok(packet) = Packet::read(datagram) {
            assert_eq!(packet.write(), datagram);
            let _ = sender.handle_loss(f64::from(packet.loss) / 255.0);
        }
        let _ = receiver.handle_packet(datagram, now);
        if let Some(packet) = sender.send(&frame, now) {
            receiver.handle_packet(&packet, now).expect("it is ours");
        }
        let mut out = [0.0; 700];
        receiver.pull(&mut out, now, Duration::ZERO);
        assert!(out.iter().all(|sample| sample.is_finite()));
    }
});
