//! A WebM file (RFC 9559, Matroska; the WebM container guidelines) as it grows, of a call or of a film: VP8 and Opus in clusters of a
//! second or less, each written whole, so that a file that is cut off plays up to there. What a player wants to know of the whole (how long it is, where
//! its key frames are) is added at the end.

mod ebml;

use std::io::{self, Seek, SeekFrom, Write};
use std::time::Duration;

use oyster_codec::container::FrameRate;
use oyster_codec::{Size, is_key_frame, is_shown_frame};

use ebml::{UNKNOWN_SIZE, element, float, head, long_size, master, unsigned, void};

/// What a block belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Track {
    /// The pictures that were shown.
    Pictures,
    /// What the other side said.
    Theirs,
    /// What this side said.
    Own,
}

impl Track {
    fn number(self) -> u8 {
        match self {
            Self::Pictures => 1,
            Self::Theirs => 2,
            Self::Own => 3,
        }
    }
}

/// Writes frames and packets as WebM.
#[derive(Debug)]
pub struct WebmWriter<W> {
    output: W,
    /// Where the segment's body begins: positions in it count from here.
    segment: u64,
    /// Bytes written so far.
    written: u64,
    cluster: Cluster,
    /// The times of key frames and the places of their clusters.
    cues: Vec<(u64, u64)>,
    /// How long a picture of a film is shown; one of a call is there until the next.
    shown_for: Duration,
    end_ms: u64,
}

/// Blocks that are not written yet.
#[derive(Debug, Default)]
struct Cluster {
    start_ms: u64,
    blocks: Vec<u8>,
}

impl<W: Write + Seek> WebmWriter<W> {
    /// Writes the head of a film without sound, of pictures of `size`.
    pub fn film(output: W, size: Size, rate: FrameRate) -> io::Result<Self> {
        let shown_for = rate.time_of(1);
        let writer = Self::new(output, &[pictures(size, Some(shown_for))])?;
        Ok(Self { shown_for, ..writer })
    }

    /// Writes the head of a call: pictures of `size`, and two tracks of Opus at 48 kHz.
    pub(crate) fn call(output: W, size: Size) -> io::Result<Self> {
        Self::new(output, &[pictures(size, None), voice(Track::Theirs, "theirs"), voice(Track::Own, "own")])
    }

    fn new(mut output: W, tracks: &[Vec<u8>]) -> io::Result<Self> {
        let ebml = master(
            0x1a45_dfa3,
            &[
                unsigned(0x4286, 1),
                unsigned(0x42f7, 1),
                unsigned(0x42f2, 4),
                unsigned(0x42f3, 8),
                element(0x4282, b"webm"),
                unsigned(0x4287, 4),
                unsigned(0x4285, 2),
            ],
        );
        let segment = (ebml.len() + SEGMENT.len() + UNKNOWN_SIZE.len()) as u64;
        let start =
            [&ebml[..], &SEGMENT, &UNKNOWN_SIZE, &void(SEEK_ROOM), &info(None), &master(0x1654_ae6b, tracks)].concat();
        output.write_all(&start)?;
        let written = start.len() as u64;
        let (cluster, cues, shown_for) = (Cluster::default(), Vec::new(), Duration::ZERO);
        Ok(Self { output, segment, written, cluster, cues, shown_for, end_ms: 0 })
    }

    /// Adds a picture's VP8 frame, shown `at` so long after the beginning.
    pub fn write_frame(&mut self, frame: &[u8], at: Duration) -> io::Result<()> {
        self.write(Track::Pictures, frame, at, is_key_frame(frame))?;
        self.end_ms = self.end_ms.max((at + self.shown_for).as_millis() as u64);
        Ok(())
    }

    /// Adds a frame or packet of the moment `at` since the beginning. Of one track they come in order.
    pub(crate) fn write(&mut self, track: Track, bytes: &[u8], at: Duration, is_key: bool) -> io::Result<()> {
        let at_ms = at.as_millis() as u64;
        let begins = track == Track::Pictures && is_key;
        if begins || at_ms >= self.cluster.start_ms + CLUSTER_MS || self.cluster.blocks.len() >= CLUSTER_BYTES {
            self.flush()?;
            self.cluster.start_ms = at_ms;
        }
        if begins && self.cues.len() < CUE_LIMIT {
            self.cues.push((at_ms, self.written - self.segment));
        }
        // A packet may be of a little before the cluster began, never of more than a cluster's time and some: it fits.
        let relative = at_ms as i64 - self.cluster.start_ms as i64;
        let relative = relative.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16;
        let [high, low] = relative.to_be_bytes();
        // Every Opus packet can be begun with.
        let is_key = is_key || track != Track::Pictures;
        let is_hidden = track == Track::Pictures && !is_shown_frame(bytes);
        let flags = u8::from(is_key) << 7 | u8::from(is_hidden) << 3;
        self.cluster.blocks.extend(head(0xa3, 4 + bytes.len() as u64));
        self.cluster.blocks.extend([0x80 | track.number(), high, low, flags]);
        self.cluster.blocks.extend_from_slice(bytes);
        self.end_ms = self.end_ms.max(at_ms);
        Ok(())
    }

    /// Writes the cluster.
    fn flush(&mut self) -> io::Result<()> {
        let Cluster { start_ms, blocks } = &mut self.cluster;
        if blocks.is_empty() {
            return Ok(());
        }
        let time = unsigned(0xe7, *start_ms);
        let mut bytes = head(0x1f43_b675, (time.len() + blocks.len()) as u64);
        bytes.extend(time);
        bytes.append(blocks);
        self.output.write_all(&bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Writes what is left, where the key frames are and how long it all is.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        let cues_at = self.written - self.segment;
        let cues = master(0x1c53_bb6b, &self.cues.iter().map(|(time, place)| cue(*time, *place)).collect::<Vec<_>>());
        self.output.write_all(&cues)?;
        self.written += cues.len() as u64;
        self.output.seek(SeekFrom::Start(self.segment - UNKNOWN_SIZE.len() as u64))?;
        self.output.write_all(&long_size(self.written - self.segment))?;
        self.output.write_all(&seek_head(cues_at))?;
        self.output.write_all(&info(Some(self.end_ms)))?;
        self.output.flush()?;
        Ok(self.output)
    }
}

/// Times are in milliseconds; the duration has its room before it is known.
fn info(duration_ms: Option<u64>) -> Vec<u8> {
    let program = concat!("oyster ", env!("CARGO_PKG_VERSION")).as_bytes();
    let duration = duration_ms.map_or_else(|| void(11), |ms| float(0x4489, ms as f64));
    let scale = unsigned(0x002a_d7b1, 1_000_000);
    master(0x1549_a966, &[scale, duration, element(0x4d80, program), element(0x5741, program)])
}

fn pictures(size: Size, shown_for: Option<Duration>) -> Vec<u8> {
    let pixels = [unsigned(0xb0, size.width() as u64), unsigned(0xba, size.height() as u64)];
    // Times are rounded to the millisecond; with this a player knows the rate.
    let shown_for = shown_for.map_or_else(Vec::new, |time| unsigned(0x0023_e383, time.as_nanos() as u64));
    let about = [unsigned(0x83, 1), unsigned(0x9c, 0), shown_for, element(0x86, b"V_VP8"), master(0xe0, &pixels)];
    track(Track::Pictures, &about)
}

fn voice(of: Track, name: &str) -> Vec<u8> {
    let samples = [float(0xb5, 48_000.0), unsigned(0x9f, 1)];
    let about = [
        unsigned(0x83, 2),
        unsigned(0x9c, 0),
        element(0x536e, name.as_bytes()),
        element(0x86, b"A_OPUS"),
        element(0x63a2, &OPUS_HEAD),
        // An Opus decoder needs 80 ms to be right after a jump (RFC 7845 §4.6).
        unsigned(0x56bb, 80_000_000),
        master(0xe1, &samples),
    ];
    track(of, &about)
}

fn track(track: Track, about: &[Vec<u8>]) -> Vec<u8> {
    let number = track.number().into();
    master(0xae, &[&[unsigned(0xd7, number), unsigned(0x73c5, number)], about].concat())
}

fn cue(time_ms: u64, cluster: u64) -> Vec<u8> {
    let place = master(0xb7, &[unsigned(0xf7, Track::Pictures.number().into()), unsigned(0xf1, cluster)]);
    master(0xbb, &[unsigned(0xb3, time_ms), place])
}

/// Where the cues are, in exactly the room that was left for it.
fn seek_head(cues_at: u64) -> Vec<u8> {
    let seek = master(0x4dbb, &[element(0x53ab, &0x1c53_bb6b_u32.to_be_bytes()), unsigned(0x53ac, cues_at)]);
    let mut bytes = master(0x114d_9b74, &[seek]);
    bytes.extend(void(SEEK_ROOM - bytes.len()));
    bytes
}

const SEGMENT: [u8; 4] = [0x18, 0x53, 0x80, 0x67];
/// A seek head takes 28 bytes at most, and its rest must have room for an element of its own.
const SEEK_ROOM: usize = 64;
/// What is lost when the power goes, at most.
const CLUSTER_MS: u64 = 1000;
const CLUSTER_BYTES: usize = 1 << 20;
/// Key frames of a day, every four seconds.
const CUE_LIMIT: usize = 24 * 3600 / 4;
/// One channel, nothing to skip at the beginning, 48 kHz, no gain (RFC 7845 §5.1).
const OPUS_HEAD: [u8; 19] = *b"OpusHead\x01\x01\x00\x00\x80\xbb\x00\x00\x00\x00\x00";

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn written(finish: bool) -> Vec<u8> {
        let mut writer = WebmWriter::call(Cursor::new(Vec::new()), Size::new(64, 36).unwrap()).unwrap();
        for number in 0..90_u64 {
            let at = Duration::from_millis(number * 33);
            writer.write(Track::Pictures, &[number as u8; 100], at, number % 60 == 0).unwrap();
            writer.write(Track::Theirs, &[0xf8, 0xff, 0xfe], at, false).unwrap();
        }
        if finish { writer.finish().unwrap().into_inner() } else { writer.output.into_inner() }
    }

    fn places(bytes: &[u8], what: &[u8]) -> Vec<usize> {
        (0..bytes.len()).filter(|place| bytes[*place..].starts_with(what)).collect()
    }

    const CLUSTER: [u8; 4] = [0x1f, 0x43, 0xb6, 0x75];

    #[test]
    fn the_end_changes_nothing_but_the_room_left_for_it() {
        let (cut, whole) = (written(false), written(true));
        assert!(whole.len() > cut.len());
        let first = places(&cut, &CLUSTER)[0];
        assert_eq!(cut[first..], whole[first..cut.len()]);
        assert_eq!(places(&whole, &CLUSTER)[0], first);
    }

    #[test]
    fn clusters_begin_at_key_frames_and_every_second() {
        // 0, 1 s, 1.98 s (the second key frame), 2.97 s would be the next.
        assert_eq!(places(&written(true), &CLUSTER).len(), 3);
    }

    #[test]
    fn cues_point_at_clusters() {
        let bytes = written(true);
        let clusters = places(&bytes, &CLUSTER);
        let segment = places(&bytes, &SEGMENT)[0] + 12;
        for cluster in [clusters[0], clusters[2]] {
            let position = unsigned(0xf1, (cluster - segment) as u64);
            assert_eq!(places(&bytes, &position).len(), 1, "{cluster}");
        }
    }
}
