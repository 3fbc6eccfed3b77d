//! The camera: exposure that follows the light, and the noise of its sensor.

use oyster_codec::Image;

use crate::chance::hash2;

/// Noise, drawn once; each row of each frame takes its stretch of it from a place of its own.
#[derive(Debug)]
pub(crate) struct Sensor {
    /// In 1/256 of a level.
    noise: Vec<i16>,
}

impl Sensor {
    pub(crate) fn new(seed: u64) -> Self {
        // Four bytes of a hash, added, are near enough to a Gaussian: standard deviation 148 of 1020.
        let white: Vec<f32> = (0..NOISE_SAMPLES as u64)
            .map(|i| {
                let four = (hash2(seed ^ 0x5e_4501, i) as u32).to_le_bytes();
                (four.iter().map(|&byte| f32::from(byte)).sum::<f32>() - 510.0) / 148.0
            })
            .collect();
        // A camera's own denoising leaves noise smooth: neighbours share it.
        let noise = (0..NOISE_SAMPLES)
            .map(|i| {
                let at = |step: usize| white[(i + step) % NOISE_SAMPLES];
                ((at(0) + 2.0 * at(1) + at(2)) / 6.0_f32.sqrt() * LUMA_DEVIATION * 256.0) as i16
            })
            .collect();
        Self { noise }
    }

    /// Scales the light of a picture by `light` and adds the noise of frame `n`.
    pub(crate) fn expose(&self, image: &mut Image, light: f64, n: u64) {
        let size = image.size();
        let gain = (light * 256.0) as i32;
        let levels = [(16, 0), (128, 1), (128, 1)];
        let planes = image.planes_mut().into_iter().zip(size.planes()).zip(levels);
        for (number, ((plane, (width, _)), (zero, quieter))) in planes.enumerate() {
            for (row, samples) in plane.chunks_exact_mut(width).enumerate() {
                let mut place = hash2(n, (number * size.height() + row) as u64) as usize;
                for samples in samples.chunks_mut(NOISE_SAMPLES / 2) {
                    let start = place % (NOISE_SAMPLES / 2);
                    expose_row(samples, &self.noise[start..], gain, zero, quieter);
                    place = place.wrapping_mul(0x9e37_79b1).wrapping_add(1);
                }
            }
        }
    }
}

/// sample = zero + (sample - zero) * gain + noise, all in 1/256, rounded.
fn expose_row(samples: &mut [u8], noise: &[i16], gain: i32, zero: i32, quieter: u32) {
    for (sample, &noise) in samples.iter_mut().zip(noise) {
        let exposed = (i32::from(*sample) - zero) * gain + (i32::from(noise) >> quieter) + 128;
        *sample = ((exposed >> 8) + zero).clamp(0, 255) as u8;
    }
}

/// Enough that no two rows of a picture look alike.
const NOISE_SAMPLES: usize = 1 << 15;

/// Levels of luma: a webcam in a lit room, after its own denoising. Chroma has half.
const LUMA_DEVIATION: f32 = 1.25;
