//! One pass over a file: where its scans lie, and where coding can be handed over at the ends of chunks.

use std::io::{self, Read};

use crate::jpeg::bits::{BitReader, Position};
use crate::jpeg::entropy::{carry_ac, read_dc};
use crate::jpeg::header::{Headers, Meaning, SOI, Scan, Segment};
use crate::plan::{Handover, MAX_BLOCKS, Piece, Plan, Stretch, may_be_at_once};
use crate::shared::Shared;
use crate::{MAX_CHUNK_BYTES, MAX_PIECE_BYTES};

/// Reads a file through, whatever it is, and plans its pieces for chunks of `chunk_bytes` (1 to [`MAX_CHUNK_BYTES`]).
/// Holds no more of it than a window of 256 KiB.
pub fn survey(input: impl Read, chunk_bytes: u64) -> io::Result<Plan> {
    let mut surveyor = Surveyor {
        window: Window { input, bytes: Vec::new(), start: 0, has_ended: false },
        pieces: Cutter::new(chunk_bytes.clamp(1, MAX_CHUNK_BYTES)),
        scans: Vec::new(),
        blocks: 0,
        images: 0,
        scans_seen: 0,
    };
    let file_bytes = surveyor.run()?;
    let Surveyor { pieces: Cutter { chunk_bytes, pieces, candidates, .. }, scans, blocks, images, scans_seen, .. } =
        surveyor;
    let may_be_whole =
        file_bytes <= chunk_bytes.min(MAX_PIECE_BYTES) && images == 1 && may_be_at_once(blocks, scans_seen, file_bytes);
    Ok(Plan { file_bytes, chunk_bytes, shared: Shared::of_scans(scans.into()), pieces, candidates, may_be_whole })
}

struct Surveyor<R> {
    window: Window<R>,
    pieces: Cutter,
    scans: Vec<Scan>,
    /// In all images.
    blocks: u64,
    images: usize,
    /// Read by us or not.
    scans_seen: usize,
}

impl<R: Read> Surveyor<R> {
    /// Gives the file's length.
    fn run(&mut self) -> io::Result<u64> {
        let mut headers = Headers::default();
        let mut at = 0;
        loop {
            let ahead = self.window.from(at, SEGMENT_BYTES)?;
            if at == 0 && !ahead.starts_with(&[0xFF, SOI]) {
                break;
            }
            let Some((segment, after)) = Segment::parse(ahead) else { break };
            at += (ahead.len() - after.len()) as u64;
            match headers.apply(&segment) {
                Meaning::Nothing => {}
                Meaning::Image => self.images += 1,
                Meaning::Frame(blocks) => self.blocks = self.blocks.saturating_add(blocks),
                Meaning::Scan(scan) => at = self.scan(at, scan)?,
            }
        }
        // Whatever follows is no JPEG.
        loop {
            self.pieces.reach(at);
            let ahead = self.window.from(at, 1)?.len();
            if ahead == 0 {
                break;
            }
            at += ahead as u64;
        }
        self.pieces.finish(at);
        Ok(at)
    }

    /// Passes a scan's data, `at` being their first byte; gives where the next segment begins.
    fn scan(&mut self, at: u64, scan: Option<Scan>) -> io::Result<u64> {
        self.pieces.reach(at);
        self.scans_seen += 1;
        let mut end = at;
        if let Some(scan) = scan
            && let Some(number) = self.number(&scan)
        {
            end = self.mcus(at, number, &scan)?;
        }
        self.next_segment(end)
    }

    /// The number of a scan, or `None` if it is one too many.
    fn number(&mut self, scan: &Scan) -> Option<usize> {
        let known = self.scans.iter().rposition(|other| other == scan);
        known.or_else(|| {
            (self.scans.len() < MAX_SCANS).then(|| {
                self.scans.push(scan.clone());
                self.scans.len() - 1
            })
        })
    }

    /// Hands the cutter every whole MCU of a scan up to its end or to what is none; gives a byte not after that.
    fn mcus(&mut self, at: u64, number: usize, scan: &Scan) -> io::Result<u64> {
        let limits = Limits::of(scan);
        let mut next = Handover { at: Position { byte: at, bit: 0 }, ..Handover::default() };
        let mut pad = None;
        self.pieces.begin_scan(at);
        'windows: loop {
            let start = next.at.byte;
            let ahead = self.window.from(start, WINDOW_BYTES)?;
            let is_last = ahead.len() < WINDOW_BYTES;
            let mut reader = BitReader::new(ahead, 0, next.at.bit);
            let absolute = |position: Position| Position { byte: position.byte + start, ..position };
            while is_last || next.at.byte + MAX_MCU_BYTES < start + ahead.len() as u64 {
                if next.mcu == scan.mcus() {
                    break 'windows;
                }
                let restarts =
                    scan.restart_interval > 0 && next.mcu > 0 && next.mcu.is_multiple_of(scan.restart_interval);
                if restarts {
                    let Some(padding) = reader.pass_restart((next.mcu / scan.restart_interval - 1) % 8) else {
                        break 'windows;
                    };
                    if padding.is_some() && pad.is_some() && padding != pad {
                        break 'windows;
                    }
                    pad = pad.or(padding);
                    (next.at, next.partial, next.dc) = (absolute(reader.position()), 0, [0; 3]);
                }
                let Some(dc) = read_mcu(&mut reader, scan, next.dc) else { break 'windows };
                let end = absolute(reader.position());
                let byte = ahead.get((end.byte - start) as usize).copied().unwrap_or(0);
                let partial = byte & !(0xFF >> end.bit);
                let to = Handover { at: end, partial, mcu: next.mcu + 1, dc };
                self.pieces.mcu(&Mcu { number, limits: &limits, from: next, to, pad });
                next = to;
            }
        }
        Ok(next.at.byte)
    }

    /// The first byte from `at` on of a marker that is no restart, or the end of the file.
    fn next_segment(&mut self, mut at: u64) -> io::Result<u64> {
        loop {
            self.pieces.reach(at);
            let ahead = self.window.from(at, WINDOW_BYTES)?;
            let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xD0..=0xD7 | 0xFF);
            match ahead.windows(2).position(is_marker) {
                Some(found) => return Ok(at + found as u64),
                None if ahead.len() < WINDOW_BYTES => return Ok(at + ahead.len() as u64),
                // The last byte may be the first of a marker.
                None => at += ahead.len() as u64 - 1,
            }
        }
    }
}

/// Reads one MCU; gives what the next one's DC values are predicted as. `None` where the bits are none we code.
fn read_mcu(reader: &mut BitReader<'_>, scan: &Scan, mut dc: [i16; 3]) -> Option<[i16; 3]> {
    for (component, dc) in scan.components.iter().zip(&mut dc) {
        for _ in 0..component.blocks() {
            let value = i32::from(*dc) + read_dc(reader, &component.dc)?;
            *dc = i16::try_from(value).ok().filter(|dc| dc.unsigned_abs() <= MAX_DC)?;
            carry_ac(reader, &component.ac, &mut ())?;
        }
    }
    (!reader.overran()).then_some(dc)
}

/// The part of the file that is looked at.
struct Window<R> {
    input: R,
    bytes: Vec<u8>,
    /// Where in the file `bytes` begin.
    start: u64,
    has_ended: bool,
}

impl<R: Read> Window<R> {
    /// The bytes from `at` on, which never goes back: `count` of them unless the file ends before.
    fn from(&mut self, at: u64, count: usize) -> io::Result<&[u8]> {
        let offset = (at - self.start) as usize;
        if offset + count > self.bytes.len() && !self.has_ended {
            self.bytes.drain(..offset.min(self.bytes.len()));
            self.start = at;
            let missing = (WINDOW_BYTES + SEGMENT_BYTES).max(count) - self.bytes.len();
            let got = self.input.by_ref().take(missing as u64).read_to_end(&mut self.bytes)?;
            self.has_ended = got < missing;
        }
        let offset = ((at - self.start) as usize).min(self.bytes.len());
        let end = (offset + count).min(self.bytes.len());
        Ok(&self.bytes[offset..end])
    }
}

/// Collects pieces as the survey goes on.
struct Cutter {
    chunk_bytes: u64,
    pieces: Vec<Piece>,
    /// Where the piece begins that is being collected.
    start: u64,
    open: Option<Stretch>,
    /// See [`Plan`]; and the end of the chunk the last one is in.
    candidates: Vec<usize>,
    candidate_until: u64,
}

/// One MCU, for the cutter.
struct Mcu<'a> {
    number: usize,
    limits: &'a Limits,
    from: Handover,
    to: Handover,
    pad: Option<bool>,
}

/// What a stretch of a scan is limited to.
struct Limits {
    mcus: u32,
    /// The MCUs of one line of the image.
    line: u32,
}

impl Limits {
    fn of(scan: &Scan) -> Self {
        let tallest = scan.components.iter().map(|component| u32::from(component.vertical)).max().unwrap_or(1);
        // No more lines than a JPEG of its own may have, the first of which is filled up.
        let lines = (65535 / (8 * tallest)).saturating_sub(2).max(1);
        // Another line's worth of blocks may fill up the first; of a wide image that is what there must be room for.
        let by_blocks = MAX_BLOCKS / scan.blocks_per_mcu();
        Self { mcus: scan.mcus_per_line.saturating_mul(lines).min(by_blocks), line: scan.mcus_per_line }
    }
}

impl Cutter {
    fn new(chunk_bytes: u64) -> Self {
        Self { chunk_bytes, pieces: Vec::new(), start: 0, open: None, candidates: Vec::new(), candidate_until: 0 }
    }

    fn chunk_end(&self) -> u64 {
        (self.start / self.chunk_bytes + 1) * self.chunk_bytes
    }

    /// Whether the open stretch is the first of its chunk and fit to be a primer.
    fn is_candidate(&self, mcu: &Mcu<'_>) -> bool {
        let primer_bytes = (self.chunk_bytes / PRIMER_PART).min(PRIMER_BYTES);
        self.chunk_bytes <= MAX_PRIMED_BYTES
            && self.start >= self.candidate_until
            && self.open.as_ref().is_some_and(|open| {
                mcu.from.at.byte - open.from.at.byte >= primer_bytes && open.mcus.is_multiple_of(mcu.limits.line)
            })
    }

    /// The end of the chunk that the piece is in, or of what a piece may be.
    fn cut(&self) -> u64 {
        self.chunk_end().min(self.start + MAX_PIECE_BYTES)
    }

    fn close(&mut self, at: u64) {
        let bytes = std::mem::replace(&mut self.start, at)..at;
        let stretch = self.open.take();
        if !bytes.is_empty() {
            self.pieces.push(Piece { bytes, stretch });
        }
    }

    /// All bytes before `at` are of the file; no MCU that is yet to come begins before.
    fn reach(&mut self, at: u64) {
        if let Some(open) = &self.open
            && at > open.to.at.whole_bytes() + SHORT_BYTES
        {
            self.close(open.to.at.whole_bytes());
        }
        while at > self.cut() {
            self.close(self.cut());
        }
    }

    /// A scan's data begin at `at`.
    fn begin_scan(&mut self, at: u64) {
        self.reach(at);
        if self.open.is_some() || at > self.start + SHORT_BYTES {
            self.close(at);
        }
    }

    fn mcu(&mut self, mcu: &Mcu<'_>) {
        let is_full = |open: &Stretch, pieces: &Self| {
            let pad_is_other = mcu.pad.is_some_and(|pad| pad != open.pad);
            open.mcus >= mcu.limits.mcus || pad_is_other || mcu.to.at.whole_bytes() > pieces.start + MAX_PIECE_BYTES
        };
        let in_chunk = mcu.from.at.byte < self.chunk_end();
        if in_chunk && self.is_candidate(mcu) {
            self.candidate_until = self.chunk_end();
            self.candidates.push(self.pieces.len());
            self.close(mcu.from.at.byte);
        }
        if in_chunk && self.open.as_ref().is_some_and(|open| is_full(open, self)) {
            self.close(mcu.from.at.byte);
        }
        while mcu.to.at.whole_bytes() > self.cut() {
            self.close(self.cut());
        }
        if mcu.from.at.byte < self.start {
            // Its beginning lies in another chunk: all of it stays as it is.
            return;
        }
        let open = self.open.get_or_insert_with(|| Stretch {
            scan: mcu.number,
            from: mcu.from,
            to: mcu.to,
            mcus: 0,
            pad: mcu.pad.unwrap_or(true),
        });
        open.mcus += 1;
        open.to = mcu.to;
    }

    fn finish(&mut self, file_bytes: u64) {
        self.reach(file_bytes);
        self.close(file_bytes);
    }
}

/// What the survey looks at in one go.
pub(crate) const WINDOW_BYTES: usize = 1 << 18;
/// The longest marker segment with its marker.
const SEGMENT_BYTES: usize = 65_537;
/// No MCU is longer: 48 blocks of 64 symbols of 27 bits, every byte stuffed, and a restart marker.
const MAX_MCU_BYTES: u64 = 48 * 64 * 27 / 8 * 2 + 16;
/// The largest DC value; 8-bit samples give 2047 (T.81 §F.1.2.1), and encoders that do not clip a little more.
const MAX_DC: u16 = 4095;
/// Scans of different tables in a file; those after them are not modelled. Concatenated files have some.
pub(crate) const MAX_SCANS: usize = 256;
/// So few bytes beside a stretch are no piece of their own.
const SHORT_BYTES: u64 = 256;

/// A primer has at least this part of a chunk, or so many bytes, and ends with a line of the image. Each chunk takes longer
/// by it; twice as much was worth another 0.2 % of a photograph.
const PRIMER_PART: u64 = 4;
const PRIMER_BYTES: u64 = 1 << 14;
/// In longer chunks the model has time to learn.
const MAX_PRIMED_BYTES: u64 = 1 << 20;

const _: () = assert!(MAX_MCU_BYTES < WINDOW_BYTES as u64 / 2);
