//! A stretch of a scan as a JPEG of its own, and back. The codes of AC coefficients are carried over bit by bit; DC
//! differences are written anew, as their predictions differ; restart markers are left out and put back.
//!
//! The JPEG's MCUs are those of the stretch in their order, in lines as long as the image's, so that every block keeps
//! the neighbours above and to its left by which the model predicts it, wherever in a line the stretch begins (where the
//! image's line ends, two are neighbours that are not: one column). What is missing to whole lines is blank and comes
//! first: with nothing above it, and nothing but itself to its left, it costs next to nothing.

use crate::jpeg::bits::{BitReader, BitWriter};
use crate::jpeg::entropy::{carry_ac, read_dc, write_dc, write_no_ac};
use crate::jpeg::header::{Component, EOI, Scan};
use crate::jpeg::huffman::HuffmanTable;
use crate::plan::Stretch;

/// How a stretch is laid out as a JPEG of its own.
pub(crate) struct Layout {
    /// The JPEG's only scan.
    scan: Scan,
    /// Blank MCUs before the stretch.
    blanks: u32,
    pub(crate) header: Vec<u8>,
}

impl Layout {
    pub(crate) fn of(scan: &Scan, mcus: u32) -> Self {
        let width = scan.mcus_per_line.min(mcus);
        let lines = mcus.div_ceil(width);
        let any_dc = std::sync::Arc::new(HuffmanTable::any_dc());
        let components = scan.components.iter().map(|component| Component { dc: any_dc.clone(), ..component.clone() });
        let scan = Scan { components: components.collect(), mcus_per_line: width, lines, restart_interval: 0 };
        Self { blanks: width * lines - mcus, header: scan.to_header(), scan }
    }

    /// Coefficient blocks in the JPEG.
    pub(crate) fn blocks(&self) -> u64 {
        u64::from(self.scan.mcus()) * u64::from(self.scan.blocks_per_mcu())
    }
}

/// Takes a stretch out of its file, whose bytes from the stretch's first on are `original`; gives the JPEG.
pub(crate) fn detach(scan: &Scan, stretch: &Stretch, layout: &Layout, original: &[u8]) -> Option<Vec<u8>> {
    let mut writer = BitWriter::new(0, 0, original.len() + original.len() / 8);
    let mut to = Coding::new(&layout.scan, stretch);
    to.dc = [0; 3];
    for mcu in 0..layout.blanks {
        for (component, dc) in layout.scan.components.iter().zip(stretch.from.dc) {
            for block in 0..component.blocks() {
                let difference = if mcu == 0 && block == 0 { i32::from(dc) } else { 0 };
                write_dc(&mut writer, &component.dc, difference)?;
                write_no_ac(&mut writer, &component.ac)?;
            }
        }
    }
    if layout.blanks > 0 {
        to.dc = stretch.from.dc.map(i32::from);
    }
    let mut reader = BitReader::new(original, 0, stretch.from.at.bit);
    recode(&mut reader, &mut Coding::new(scan, stretch), &mut writer, &mut to, stretch.mcus, usize::MAX)?;
    writer.pad(true);
    writer.put_marker(EOI);
    Some([&layout.header, &writer.into_whole_bytes()[..]].concat())
}

/// The bytes of the file that a stretch covers, `count` of them, out of its JPEG.
pub(crate) fn attach(scan: &Scan, stretch: &Stretch, layout: &Layout, jpeg: &[u8], count: usize) -> Option<Vec<u8>> {
    let mut reader = BitReader::new(jpeg.strip_prefix(&layout.header[..])?, 0, 0);
    let mut from = Coding::new(&layout.scan, stretch);
    from.dc = [0; 3];
    for _ in 0..layout.blanks {
        for (component, dc) in layout.scan.components.iter().zip(&mut from.dc) {
            for _ in 0..component.blocks() {
                *dc += read_dc(&mut reader, &component.dc)?;
                carry_ac(&mut reader, &component.ac, &mut ())?;
            }
        }
    }
    let mut writer = BitWriter::new(stretch.from.partial, stretch.from.at.bit, count + 64);
    recode(&mut reader, &mut from, &mut writer, &mut Coding::new(scan, stretch), stretch.mcus, count)?;
    Some(writer.into_whole_bytes()).filter(|bytes| bytes.len() == count)
}

/// What reading or writing an MCU depends on beside its blocks.
struct Coding<'a> {
    scan: &'a Scan,
    mcu: u32,
    dc: [i32; 3],
    pad: bool,
    /// The stretch's first MCU has its restart marker, if any, behind it.
    has_begun: bool,
}

impl<'a> Coding<'a> {
    fn new(scan: &'a Scan, stretch: &Stretch) -> Self {
        let dc = stretch.from.dc.map(i32::from);
        Self { scan, mcu: stretch.from.mcu, dc, pad: stretch.pad, has_begun: false }
    }

    /// Goes on to the next MCU; gives the number of the restart marker that comes before it.
    fn next(&mut self) -> Option<u32> {
        let interval = self.scan.restart_interval;
        let restart = (self.has_begun && interval > 0 && self.mcu.is_multiple_of(interval))
            .then(|| (self.mcu / interval).wrapping_sub(1) % 8);
        if restart.is_some() {
            self.dc = [0; 3];
        }
        self.has_begun = true;
        self.mcu = self.mcu.wrapping_add(1);
        restart
    }
}

/// Reads MCUs as one of two ways to code them has it and writes them as the other has it. `None` where what is read is
/// no MCU, cannot be written, or grows beyond `most` bytes by more than an MCU.
fn recode(
    reader: &mut BitReader<'_>,
    from: &mut Coding<'_>,
    writer: &mut BitWriter,
    to: &mut Coding<'_>,
    mcus: u32,
    most: usize,
) -> Option<()> {
    for _ in 0..mcus {
        if let Some(number) = from.next() {
            reader.pass_restart(number)?;
        }
        if let Some(number) = to.next() {
            writer.pad(to.pad);
            writer.put_marker(0xD0 + number as u8);
        }
        for (index, (source, target)) in from.scan.components.iter().zip(&to.scan.components).enumerate() {
            for _ in 0..source.blocks() {
                from.dc[index] += read_dc(reader, &source.dc)?;
                write_dc(writer, &target.dc, from.dc[index] - to.dc[index])?;
                to.dc[index] = from.dc[index];
                carry_ac(reader, &source.ac, writer)?;
            }
        }
        if reader.overran() || writer.len() > most {
            return None;
        }
    }
    Some(())
}
