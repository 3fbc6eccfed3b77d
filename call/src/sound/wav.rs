//! WAV files in place of a microphone and a loudspeaker.

use std::fs::{File, rename};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use oyster_audio::SAMPLE_RATE;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

/// The sound of a file, mono at 48 kHz.
///
/// # Errors
/// What to tell the user: it can't be read, is no WAV file, is empty or too long.
pub(super) fn read(path: &Path) -> Result<Vec<f32>, String> {
    let about = |why: String| format!("{}: {why}", path.display());
    let mut reader = WavReader::open(path).map_err(|error| about(error.to_string()))?;
    let spec = reader.spec();
    if reader.duration() == 0 {
        return Err(about("there is no sound in it".to_owned()));
    }
    if u64::from(reader.duration()) > MAX_SECONDS * u64::from(spec.sample_rate) {
        return Err(about(format!("it is longer than {} minutes", MAX_SECONDS / 60)));
    }
    let samples: Result<Vec<f32>, hound::Error> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect(),
        SampleFormat::Int => {
            let scale = 1.0 / (1u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
            reader.samples::<i32>().map(|sample| Ok(sample? as f32 * scale)).collect()
        }
    };
    let samples = samples.map_err(|error| about(error.to_string()))?;
    let channels = usize::from(spec.channels.max(1));
    let mono: Vec<f32> = samples.chunks(channels).map(|all| all.iter().sum::<f32>() / channels as f32).collect();
    if spec.sample_rate == SAMPLE_RATE {
        return Ok(mono);
    }
    resample(&mono, spec.sample_rate).map_err(about)
}

fn resample(samples: &[f32], rate: u32) -> Result<Vec<f32>, String> {
    let mut resampler = Fft::<f32>::new(rate as usize, SAMPLE_RATE as usize, RESAMPLE_CHUNK, 1, FixedSync::Both)
        .map_err(|error| format!("sound at {rate} Hz: {error}"))?;
    let input = InterleavedSlice::new(samples, 1, samples.len()).map_err(|error| error.to_string())?;
    let output = resampler.process_all(&input, samples.len(), None).map_err(|error| error.to_string())?;
    Ok(output.take_data())
}

/// A WAV file that is written beside its place, and is put there when it is whole.
pub(super) struct Recording {
    writer: Option<WavWriter<BufWriter<File>>>,
    path: PathBuf,
}

impl Recording {
    /// # Errors
    /// What to tell the user: it can't be written.
    pub(super) fn create(path: &Path) -> Result<Self, String> {
        let spec =
            WavSpec { channels: 1, sample_rate: SAMPLE_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let writer =
            WavWriter::create(unfinished(path), spec).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { writer: Some(writer), path: path.to_owned() })
    }

    /// # Errors
    /// What to tell the user: the disk is full, or away.
    pub(super) fn write(&mut self, samples: &[f32]) -> Result<(), String> {
        let about = |error: hound::Error| format!("{}: {error}", self.path.display());
        let Some(writer) = &mut self.writer else { return Ok(()) };
        for sample in samples {
            let sample = (sample * f32::from(i16::MAX)).round() as i16; // saturates
            writer.write_sample(sample).map_err(about)?;
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// What to tell the user.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let about = |why: String| format!("{}: {why}", self.path.display());
        writer.finalize().map_err(|error| about(error.to_string()))?;
        rename(unfinished(&self.path), &self.path).map_err(|error| about(error.to_string()))
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// A quarter of an hour is 173 MB in memory.
const MAX_SECONDS: u64 = 900;

/// Samples resampled at a time: any will do.
const RESAMPLE_CHUNK: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("oyster-wav-{}-{name}", std::process::id()))
    }

    #[test]
    fn what_is_recorded_is_read_back_and_is_there_only_when_whole() {
        let path = place("there.wav");
        let sound: Vec<f32> = (0..4800).map(|i| (i as f32 * 0.05).sin() * 0.5).collect();
        let mut recording = Recording::create(&path).unwrap();
        recording.write(&sound).unwrap();
        assert!(!path.exists());
        recording.finish().unwrap();
        let back = read(&path).unwrap();
        assert_eq!(back.len(), sound.len());
        assert!(back.iter().zip(&sound).all(|(back, sound)| (back - sound).abs() < 1e-4));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn another_rate_in_stereo_keeps_its_pitch() {
        let path = place("rate.wav");
        let spec = WavSpec { channels: 2, sample_rate: 22_050, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let mut writer = WavWriter::create(&path, spec).unwrap();
        for i in 0..22_050 {
            let tone = (f64::from(i) * 441.0 * std::f64::consts::TAU / 22_050.0).sin();
            writer.write_sample((tone * 20_000.0) as i16).unwrap();
            writer.write_sample(0i16).unwrap();
        }
        writer.finalize().unwrap();
        let sound = read(&path).unwrap();
        assert!((47_999..=48_001).contains(&sound.len()), "{}", sound.len());
        let rises = sound.array_windows().filter(|[a, b]| *a < 0.0 && *b >= 0.0).count();
        assert!((440..=442).contains(&rises), "{rises} Hz");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_is_no_sound_is_refused_by_name() {
        let path = place("not.wav");
        std::fs::write(&path, "no sound").unwrap();
        let why = read(&path).unwrap_err();
        assert!(why.starts_with(&path.display().to_string()), "{why}");
        std::fs::remove_file(&path).unwrap();
        assert!(read(&path).unwrap_err().contains("No such file"));
        assert!(Recording::create(Path::new("/nowhere/at/all.wav")).is_err());
    }
}
