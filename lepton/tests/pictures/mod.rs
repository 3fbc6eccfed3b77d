//! JPEGs of every kind, made as they are needed.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;

/// How a picture becomes a JPEG.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) colour: ColorType,
    pub(crate) sampling: SamplingFactor,
    pub(crate) quality: u8,
    /// MCUs between restart markers; 0 for none.
    pub(crate) restart_interval: u16,
    pub(crate) is_progressive: bool,
    /// How far neighbouring samples differ: 0 for a smooth picture.
    pub(crate) noise: u32,
}

impl Kind {
    /// As a telephone takes them.
    pub(crate) fn photograph(width: u16, height: u16) -> Self {
        Self {
            width,
            height,
            colour: ColorType::Rgb,
            sampling: SamplingFactor::F_2_2,
            quality: 88,
            restart_interval: 0,
            is_progressive: false,
            noise: 24,
        }
    }

    /// Waves, an edge, and noise that is always the same.
    pub(crate) fn jpeg(&self) -> Vec<u8> {
        let channels = match self.colour {
            ColorType::Luma => 1,
            ColorType::Cmyk => 4,
            _ => 3,
        };
        let (width, height) = (u32::from(self.width), u32::from(self.height));
        let mut samples = Vec::with_capacity((width * height * channels) as usize);
        let mut noise = 1_u32;
        for y in 0..height {
            for x in 0..width {
                for channel in 0..channels {
                    noise ^= noise << 13;
                    noise ^= noise >> 17;
                    noise ^= noise << 5;
                    let wave = ((x * 3 + y * channel) % 512).abs_diff(256) / 2;
                    let edge = if x * 2 + y < width { 60 } else { 0 };
                    samples.push((wave + edge + noise % (self.noise + 1)).min(255) as u8);
                }
            }
        }
        let mut jpeg = Vec::new();
        let mut encoder = Encoder::new(&mut jpeg, self.quality);
        encoder.set_sampling_factor(self.sampling);
        encoder.set_progressive(self.is_progressive);
        if self.restart_interval > 0 {
            encoder.set_restart_interval(self.restart_interval);
        }
        encoder.encode(&samples, self.width, self.height, self.colour).unwrap();
        jpeg
    }
}

/// Of any size, shape and quality.
impl Arbitrary for Kind {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> BoxedStrategy<Self> {
        let colour = prop_oneof![4 => Just(ColorType::Rgb), 1 => Just(ColorType::Luma), 1 => Just(ColorType::Cmyk)];
        let samplings = [SamplingFactor::F_1_1, SamplingFactor::F_2_1, SamplingFactor::F_1_2, SamplingFactor::F_2_2];
        let sampling = prop::sample::select(samplings.to_vec());
        let restart_interval = prop_oneof![Just(0), 1_u16..100];
        (1_u16..400, 1_u16..400, colour, sampling, 1_u8..=100, restart_interval, prop::bool::weighted(0.2), 0_u32..256)
            .prop_map(|(width, height, colour, sampling, quality, restart_interval, is_progressive, noise)| Self {
                width,
                height,
                colour,
                sampling,
                quality,
                restart_interval,
                is_progressive,
                noise,
            })
            .boxed()
    }
}
