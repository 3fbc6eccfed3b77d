//! The crate `lepton_jpeg`, which is the model: whole JPEGs in and out of Lepton files. What of such a file says nothing
//! of a stretch is left out and written anew before it is read.
//!
//! A Lepton file is a fixed head of 28 bytes, a zlib-compressed head, "CMP", the coded coefficients, and its own length
//! (<https://github.com/microsoft/lepton_jpeg_rust>, docs; first <https://github.com/dropbox/lepton>). The format is fixed by
//! the files that exist.

use std::io::{Cursor, Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use lepton_jpeg::{EnabledFeatures, SingleThreadPool, catch_unwind_result, decode_lepton, encode_lepton};

use crate::jpeg::header::{Headers, Meaning, Segment};
use crate::plan::{MAX_BLOCKS, MAX_SCANS_AT_ONCE};

/// Codes a JPEG. `None` if the crate does not take it.
pub(crate) fn encode(jpeg: &[u8]) -> Option<Vec<u8>> {
    let mut lepton = Cursor::new(Vec::with_capacity(jpeg.len() - jpeg.len() / 8));
    catch_unwind_result(|| {
        encode_lepton(&mut Cursor::new(jpeg), &mut lepton, &features(), &SingleThreadPool::default())
    })
    .ok()?;
    Some(lepton.into_inner())
}

/// Decodes a Lepton file that states one image of at most [`MAX_BLOCKS`] blocks. `None` if it is damaged.
pub(crate) fn decode(lepton: &[u8]) -> Option<Vec<u8>> {
    expect_bounded(lepton)?;
    decode_trusted(lepton)
}

/// Decodes a Lepton file whose head we wrote.
fn decode_trusted(lepton: &[u8]) -> Option<Vec<u8>> {
    let jpeg_bytes = lepton.get(20..24)?.first_chunk().map(|&bytes| u32::from_le_bytes(bytes))?;
    let mut jpeg = Vec::with_capacity((jpeg_bytes as usize).min(2 * lepton.len()));
    catch_unwind_result(|| {
        decode_lepton(&mut Cursor::new(lepton), &mut jpeg, &features(), &SingleThreadPool::default())
    })
    .ok()?;
    Some(jpeg)
}

/// The coded coefficients alone of a JPEG that [`decode_body`] can do without the rest of. JPEGs that begin with the same
/// coefficients have bodies that begin with the same bytes, but for the last few of the shorter one.
pub(crate) fn encode_body(jpeg: &[u8]) -> Option<Vec<u8>> {
    let lepton = encode(jpeg)?;
    let (_, blocks) = split(&lepton)?;
    join_blocks(blocks)
}

/// How a JPEG of one scan ends, for [`decode_body`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct JpegEnd {
    /// Its length.
    pub(crate) bytes: u32,
    pub(crate) last_two: [u8; 2],
    /// By component, the last block there is where it ends before the image does.
    pub(crate) last_blocks: Option<[u32; 4]>,
}

/// The JPEG with this header and end whose coefficients are coded in the parts of `body`.
pub(crate) fn decode_body(header: &[u8], end: &JpegEnd, body: [&[u8]; 2]) -> Option<Vec<u8>> {
    decode_trusted(&join(header, end, body))
}

/// The length of a Lepton file's heads, and what lies between them and its last four bytes.
fn split(lepton: &[u8]) -> Option<(usize, &[u8])> {
    let length = lepton.get(24..28)?.first_chunk::<4>().map(|&bytes| u32::from_le_bytes(bytes))? as usize;
    let start = FIXED_HEAD_BYTES.checked_add(length)?;
    let rest = lepton.get(start..)?.strip_prefix(b"CMP")?;
    Some((start + 3, &rest[..rest.len().checked_sub(4)?]))
}

/// What the blocks hold that the crate writes for its threads, of which there is one: each is a mark that says how long
/// it is, or that its length less one comes in two bytes, and its bytes.
fn join_blocks(mut blocks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::with_capacity(blocks.len());
    while let Some((&mark, mut rest)) = blocks.split_first() {
        let length = match mark {
            0 => {
                let (&length, after) = rest.split_first_chunk()?;
                rest = after;
                usize::from(u16::from_le_bytes(length)) + 1
            }
            0x10 | 0x20 | 0x30 => 1024 << (2 * (mark >> 4)),
            _ => return None,
        };
        let (block, after) = rest.split_at_checked(length)?;
        body.extend(block);
        blocks = after;
    }
    Some(body)
}

/// As blocks, for [`join_blocks`] and the crate.
fn put_blocks(lepton: &mut Vec<u8>, body: &[u8]) {
    for block in body.chunks(BLOCK_BYTES) {
        lepton.push(0);
        lepton.extend(((block.len() - 1) as u16).to_le_bytes());
        lepton.extend(block);
    }
}

/// The Lepton file of a JPEG of one scan, padded with ones.
fn join(header: &[u8], end: &JpegEnd, body: [&[u8]; 2]) -> Vec<u8> {
    // All after the SOI.
    let header = header.get(2..).unwrap_or_default();
    let scan_bytes = end.bytes.saturating_sub(header.len() as u32 + 2 + 2);
    let mut head = Vec::with_capacity(header.len() + 64);
    head.extend(b"HDR");
    head.extend((header.len() as u32).to_le_bytes());
    head.extend(header);
    head.extend(b"P0D\xFF");
    // One range of lines: the first line, its bytes in the scan, and a handover word that is all zeros.
    head.extend(b"HH\x01\0\0");
    head.extend(scan_bytes.to_le_bytes());
    head.extend([0; 2 + 8]);
    if let Some(last_blocks) = end.last_blocks {
        // The components and coefficients there are, which only progressive files have less of, and the blocks.
        head.extend(b"EEE");
        let numbers = [3, 63, 0].into_iter().chain(last_blocks);
        head.extend(numbers.flat_map(u32::to_le_bytes));
    }
    // What follows the scan; of one that ends early its own last bytes.
    head.extend(b"GRB\x02\0\0\0");
    head.extend(end.last_two);
    let mut zlib = ZlibEncoder::new(Vec::with_capacity(head.len() + 64), Compression::none());
    let head = zlib.write_all(&head).and_then(|()| zlib.finish()).expect("a vector takes all");

    let blocks_bytes: usize = body.iter().map(|part| part.len() + 3 * (part.len() / BLOCK_BYTES + 1)).sum();
    let mut lepton = Vec::with_capacity(FIXED_HEAD_BYTES + head.len() + blocks_bytes + 8);
    lepton.extend([0xCF, 0x84, 0x01, b'Z', 1, 0, 0, 0]);
    // What the crate says of itself: its mark, a length nobody reads, the two flags of its arithmetic, no version.
    lepton.extend(b"MS\0\0\0\0\x83\0\0\0\0\0");
    lepton.extend(end.bytes.to_le_bytes());
    lepton.extend((head.len() as u32).to_le_bytes());
    lepton.extend(head);
    lepton.extend(b"CMP");
    body.into_iter().for_each(|part| put_blocks(&mut lepton, part));
    lepton.extend((lepton.len() as u32 + 4).to_le_bytes());
    lepton
}

/// Looks through the heads of a Lepton file that may be hostile: the crate would believe every length in them.
fn expect_bounded(lepton: &[u8]) -> Option<()> {
    let (start, _) = split(lepton)?;
    let mut head = Vec::new();
    ZlibDecoder::new(&lepton[FIXED_HEAD_BYTES..start - 3]).take(MAX_HEAD_BYTES + 1).read_to_end(&mut head).ok()?;
    if head.len() as u64 > MAX_HEAD_BYTES {
        return None;
    }
    let mut rest = head.strip_prefix(b"HDR")?;
    expect_image(counted(&mut rest, 1)?)?;
    let mut ranges = 0;
    while !rest.is_empty() {
        let (&name, after) = rest.split_first_chunk::<3>()?;
        rest = after;
        let fixed = match &name {
            b"P0D" => 1,
            b"EEE" => 28,
            [b'H', b'H', count] => {
                ranges += usize::from(*count);
                16 * usize::from(*count)
            }
            b"CRS" => counted(&mut rest, 4).map(|_| 0)?,
            b"FRS" | b"GRB" => counted(&mut rest, 1).map(|_| 0)?,
            _ => return None,
        };
        rest = rest.get(fixed..)?;
    }
    (ranges == 1).then_some(())
}

/// Takes a 32-bit count and as many items of `size` bytes.
fn counted<'a>(rest: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    let (&count, after) = rest.split_first_chunk::<4>()?;
    let (items, after) = after.split_at_checked((u32::from_le_bytes(count) as usize).checked_mul(size)?)?;
    *rest = after;
    Some(items)
}

/// Whether the headers of a JPEG, without its SOI and the data of its scans, state one image the model may take.
fn expect_image(mut header: &[u8]) -> Option<()> {
    let mut headers = Headers::default();
    let (mut frames, mut scans) = (0, 0);
    while !header.is_empty() {
        let (segment, rest) = Segment::parse(header)?;
        header = rest;
        match headers.apply(&segment) {
            Meaning::Nothing => {}
            Meaning::Scan(_) => scans += 1,
            Meaning::Frame(blocks) if (1..=u64::from(MAX_BLOCKS)).contains(&blocks) => frames += 1,
            Meaning::Frame(_) | Meaning::Image => return None,
        }
    }
    (frames == 1 && scans <= MAX_SCANS_AT_ONCE).then_some(())
}

fn features() -> EnabledFeatures {
    EnabledFeatures {
        // The largest image there is; what matters is its number of blocks.
        max_jpeg_width: 65535,
        max_jpeg_height: 65535,
        // Every range of lines would begin with a model that knows nothing, and a thread is ours to start.
        max_partitions: 1,
        max_processor_threads: 1,
        ..EnabledFeatures::compat_lepton_vector_write()
    }
}

const FIXED_HEAD_BYTES: usize = 28;
/// The longest block there may be.
const BLOCK_BYTES: usize = 1 << 16;
/// The JPEG's headers and what follows its image: no more than a piece has.
const MAX_HEAD_BYTES: u64 = crate::MAX_PIECE_BYTES + 1024;
