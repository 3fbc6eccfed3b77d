//! One voice as it goes on a recording: blocks in, Opus packets on even time out.

use std::fmt;
use std::time::Duration;

use opus::{Application, Bitrate, Channels, Encoder};

use crate::{BLOCK_SAMPLES, CodecError, FRAME, FRAME_SAMPLES, SAMPLE_RATE, duration_of, micros};

/// Encodes a voice for a recording. When blocks were heard is known to a few milliseconds only, while a player wants packets that
/// follow one another: their times run on by what they hold, and follow the blocks' slowly.
pub struct Tape {
    encoder: Encoder,
    filling: Vec<f32>,
    /// Of the first sample in `filling`, µs.
    at_us: i64,
    /// Nothing may be written before.
    end_us: i64,
}

impl Tape {
    /// An empty tape.
    ///
    /// # Errors
    /// [`CodecError`] if there is no memory for an encoder.
    pub fn new() -> Result<Self, CodecError> {
        let mut encoder = Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Audio)?;
        encoder.set_bitrate(Bitrate::Bits(BITS_PER_SECOND))?;
        encoder.set_complexity(COMPLEXITY)?;
        Ok(Self { encoder, filling: Vec::with_capacity(FRAME_SAMPLES), at_us: 0, end_us: 0 })
    }

    /// Takes a block that was heard, or said, at `at`; with every second one comes a packet of [`FRAME`], and when it is due.
    pub fn handle_block(&mut self, block: &[f32; BLOCK_SAMPLES], at: Duration) -> Option<(Vec<u8>, Duration)> {
        let expected_us = self.at_us + micros(duration_of(self.filling.len() as u64));
        let late_us = micros(at) - expected_us;
        if late_us.abs() > JUMP_US {
            self.filling.clear();
            self.at_us = micros(at);
        } else {
            self.at_us += late_us / FOLLOWING;
        }
        if self.filling.is_empty() {
            self.at_us = self.at_us.max(self.end_us);
        }
        self.filling.extend_from_slice(block);
        if self.filling.len() < FRAME_SAMPLES {
            return None;
        }
        let mut packet = vec![0; MAX_PACKET_BYTES];
        let length = self.encoder.encode_float(&self.filling, &mut packet);
        self.filling.clear();
        let due = Duration::from_micros(self.at_us.max(0).unsigned_abs());
        self.at_us += micros(FRAME);
        self.end_us = self.at_us - SLACK_US;
        // What the encoder refuses (it has no reason to) is as good as not heard.
        packet.truncate(length.ok()?);
        Some((packet, due))
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tape({} samples waiting)", self.filling.len())
    }
}

/// A voice at this rate is as it was sent; an hour of both takes 29 MB.
const BITS_PER_SECOND: i32 = 32_000;
/// As in a call.
const COMPLEXITY: i32 = 9;
/// Ten times what it comes to.
const MAX_PACKET_BYTES: usize = 1275;
/// Blocks this far from where they are expected do not follow what came before: a device was lost, or the machine slept.
const JUMP_US: i64 = 60_000;
/// Clocks that drift apart by 100 parts in a million need a millisecond in ten seconds: a 32nd of the difference a block is plenty.
const FOLLOWING: i64 = 32;
/// Times may be drawn together by so much without packets changing places.
const SLACK_US: i64 = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// The times of packets of so many blocks, at these times.
    fn due(at: impl Fn(u64) -> Duration, blocks: u64) -> Vec<Duration> {
        let mut tape = Tape::new().unwrap();
        (0..blocks)
            .filter_map(|block| tape.handle_block(&[0.1; BLOCK_SAMPLES], at(block)))
            .map(|(_, due)| due)
            .collect()
    }

    #[test]
    fn two_blocks_make_a_packet_that_is_due_when_the_first_was_heard() {
        assert_eq!(due(|block| ms(700 + 10 * block), 7), [ms(700), ms(720), ms(740)]);
    }

    #[test]
    fn times_that_waver_come_out_even_and_a_drifting_clock_is_followed() {
        // Blocks come in pairs, and the device's clock is 200 parts in a million slow.
        let due = due(|block| ms(5000) + Duration::from_micros(block / 2 * 2 * 10_002), 12_000);
        assert!(due.windows(2).all(|pair| (ms(18)..ms(22)).contains(&(pair[1] - pair[0]))));
        let last = *due.last().unwrap();
        let expected = ms(5000) + Duration::from_micros(11_998 * 10_002);
        assert!(last.abs_diff(expected) < ms(8), "{last:?} {expected:?}");
    }

    #[test]
    fn after_a_gap_the_voice_is_where_it_was_heard_and_never_before_what_is_written() {
        let away = |block: u64| if block < 10 { ms(100 + 10 * block) } else { ms(3000 + 10 * block) };
        assert_eq!(due(away, 14)[4..], [ms(180), ms(3100), ms(3120)]);
        let back = due(|block| if block < 50 { ms(1000 + 10 * block) } else { ms(10 * block) }, 100);
        assert!(back.is_sorted(), "{back:?}");
    }

    #[test]
    fn a_packet_is_opus_of_twenty_milliseconds() {
        let mut tape = Tape::new().unwrap();
        tape.handle_block(&[0.1; BLOCK_SAMPLES], ms(1));
        let (packet, _) = tape.handle_block(&[0.1; BLOCK_SAMPLES], ms(11)).unwrap();
        assert!(crate::codec::is_frame(&packet));
    }
}
