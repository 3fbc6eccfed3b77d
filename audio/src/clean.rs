//! Echo, noise and level: WebRTC's audio processing, as the library `sonora` has it in Rust.

use std::time::Duration;

use sonora::config::{AdaptiveDigital, EchoCanceller, GainController2, MaxProcessingRate, NoiseSuppression, Pipeline};
use sonora::{AudioProcessing, Config, StreamConfig};

use crate::{BLOCK_SAMPLES, SAMPLE_RATE};

/// Takes what the loudspeaker plays out of what the microphone hears, then noise, and evens out the level.
///
/// Give it each block that is played before the block that was captured while it sounded.
pub struct Cleaner {
    processing: AudioProcessing,
}

impl std::fmt::Debug for Cleaner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cleaner")
    }
}

impl Default for Cleaner {
    fn default() -> Self {
        Self::new()
    }
}

impl Cleaner {
    /// A cleaner that has heard nothing yet.
    pub fn new() -> Self {
        let config = Config {
            // Fullband: else it works, and gives, what is below 16 kHz.
            pipeline: Pipeline {
                maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
                ..Pipeline::default()
            },
            echo_canceller: Some(EchoCanceller::default()),
            noise_suppression: Some(NoiseSuppression::default()),
            gain_controller2: Some(GainController2 {
                adaptive_digital: Some(AdaptiveDigital {
                    max_gain_db: MAX_GAIN_DB,
                    initial_gain_db: 0.0,
                    ..AdaptiveDigital::default()
                }),
                ..GainController2::default()
            }),
            ..Config::default()
        };
        let stream = StreamConfig::new(SAMPLE_RATE, 1);
        let processing = AudioProcessing::builder().config(config).capture_config(stream).render_config(stream).build();
        Self { processing }
    }

    /// The loudspeaker is given this block.
    pub fn handle_played(&mut self, block: &[f32; BLOCK_SAMPLES]) {
        let mut played = [0.0; BLOCK_SAMPLES];
        // Refuses only other formats than those it was built for.
        let _ = self.processing.process_render_f32(&[block], &mut [&mut played]);
    }

    /// The microphone gave this block; what is left of it. `echo_delay`: from [`Cleaner::handle_played`] of a block to its sound
    /// coming back here, as far as the devices tell; it is only where the search begins.
    pub fn clean(&mut self, block: &[f32; BLOCK_SAMPLES], echo_delay: Duration) -> [f32; BLOCK_SAMPLES] {
        let mut cleaned = [0.0; BLOCK_SAMPLES];
        // Says when it had to bring the delay within 500 ms; it goes on with that.
        let _ = self.processing.set_stream_delay_ms(i32::try_from(echo_delay.as_millis()).unwrap_or(i32::MAX));
        if self.processing.process_capture_f32(&[block], &mut [&mut cleaned]).is_err() {
            return *block;
        }
        cleaned
    }
}

/// A whisper is not made a shout, nor the noise of a quiet room a wind.
const MAX_GAIN_DB: f32 = 24.0;
