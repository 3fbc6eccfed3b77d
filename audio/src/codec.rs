//! Opus (RFC 6716), as we use it: mono, 48 kHz, frames of 20 ms.

use std::fmt;

use opus::{Application, Bitrate, Channels, Decoder, Encoder, Signal};

use crate::{FRAME_SAMPLES, SAMPLE_RATE};

/// The library refused something that we never ask of it: memory ran out, or it is broken.
#[derive(Debug)]
pub struct CodecError(opus::Error);

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opus: {}", self.0)
    }
}

impl std::error::Error for CodecError {}

impl From<opus::Error> for CodecError {
    fn from(error: opus::Error) -> Self {
        Self(error)
    }
}

/// Speech, with pauses left out.
pub(crate) fn encoder() -> Result<Encoder, CodecError> {
    let mut encoder = Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip)?;
    encoder.set_signal(Signal::Voice)?;
    encoder.set_complexity(COMPLEXITY)?;
    encoder.set_dtx(true)?;
    Ok(encoder)
}

/// Sets what of the encoder follows the network.
pub(crate) fn adapt(encoder: &mut Encoder, bits_per_second: i32, loss_percent: i32) -> Result<(), CodecError> {
    encoder.set_bitrate(Bitrate::Bits(bits_per_second))?;
    encoder.set_inband_fec(loss_percent > 0)?;
    encoder.set_packet_loss_perc(loss_percent)?;
    Ok(())
}

pub(crate) fn decoder() -> Result<Decoder, CodecError> {
    Ok(Decoder::new(SAMPLE_RATE, Channels::Mono)?)
}

/// Decodes one frame of 20 ms, or the one before it from this one's FEC; whether it was one.
pub(crate) fn decode(decoder: &mut Decoder, payload: &[u8], sound: &mut [f32; FRAME_SAMPLES], fec: bool) -> bool {
    decoder.decode_float(payload, sound, fec).is_ok_and(|samples| samples == FRAME_SAMPLES)
}

/// Whether these bytes claim to be one Opus packet of 20 ms.
pub(crate) fn is_frame(payload: &[u8]) -> bool {
    opus::packet::get_nb_samples(payload, SAMPLE_RATE).is_ok_and(|samples| samples == FRAME_SAMPLES)
}

/// A packet of at most this many bytes says that there is silence and need not be sent (opus_encode's documentation).
pub(crate) const SILENCE_BYTES: usize = 2;

/// 9 of 10: an encoded frame takes 0.1 ms of a core.
const COMPLEXITY: i32 = 9;
