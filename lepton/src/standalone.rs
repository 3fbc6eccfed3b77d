//! A stretch of a scan as a JPEG of its own, and back. The codes of AC coefficients are carried over bit by bit; DC
//! differences are written anew, as their predictions differ; restart markers are left out and put back.
//!
//! The JPEG's MCUs are those of the stretch in their order, in lines as long as the image's, so that every block keeps
//! the neighbours above and to its left by which the model predicts it, wherever in a line the stretch begins (where the
//! image's line ends, two are neighbours that are not: one column). Where the last line is not whole the JPEG ends, as one
//! does that was cut off. A short stretch may be laid out in columns instead: see [`columns`](crate::columns).

use crate::columns;
use crate::jpeg::bits::{BitReader, BitWriter};
use crate::jpeg::entropy::{Block, carry_ac, read_dc, write_ac, write_dc, write_no_ac};
use crate::jpeg::header::{Component, EOI, Scan};
use crate::jpeg::huffman::HuffmanTable;
use crate::plan::{MAX_BLOCKS, Stretch};

/// How a stretch is laid out as a JPEG of its own.
pub(crate) struct Layout<'a> {
    /// The JPEG's only scan.
    scan: Scan,
    /// What comes first.
    lead: Option<&'a Lead>,
    end: End,
    /// Transposed: by block, the number of the original's block.
    turned: Option<Vec<usize>>,
    /// MCUs that are missing to whole lines.
    missing: u32,
    pub(crate) header: Vec<u8>,
}

/// What becomes of the last line where the stretch does not fill it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The JPEG ends early, as if it were cut off there.
    Cut,
    /// Blank MCUs fill it: what those cost is felt in a short stretch.
    Filled,
}

impl<'a> Layout<'a> {
    /// `None` if it would be a larger image than the model may be given.
    pub(crate) fn of(scan: &Scan, mcus: u32, lead: Option<&'a Lead>, end: End) -> Option<Self> {
        let width = if lead.is_some() { scan.mcus_per_line } else { scan.mcus_per_line.min(mcus) };
        let own_lines = mcus.div_ceil(width);
        let lines = own_lines + lead.map_or(0, |lead| lead.lines);
        let any_dc = HuffmanTable::any_dc();
        let components = scan.components.iter().map(|component| Component { dc: any_dc.clone(), ..component.clone() });
        let scan = Scan { components: components.collect(), mcus_per_line: width, lines, restart_interval: 0 };
        // Room for a line of blanks beside the stretch.
        let blocks = u64::from(scan.mcus()) * u64::from(scan.blocks_per_mcu());
        let missing = width * own_lines - mcus;
        (blocks <= 2 * u64::from(MAX_BLOCKS) && lines <= scan.most_lines()).then(|| Self {
            lead,
            end,
            turned: None,
            missing,
            header: scan.to_header(),
            scan,
        })
    }

    /// In columns, where that pays.
    pub(crate) fn in_columns(scan: &Scan, mcus: u32, lead: Option<&'a Lead>) -> Option<Self> {
        let width = columns::width(scan, mcus)?;
        let cells = columns::cells(scan.mcus_per_line, mcus);
        let layout = Self::of(&columns::turned(scan, width), mcus, lead, End::Cut)?;
        Some(Self { turned: Some(columns::blocks(scan, &cells)), ..layout })
    }

    /// Of a JPEG that ends early, by component, the last block that is there in the order of its lines.
    pub(crate) fn last_blocks(&self) -> Option<[u32; 4]> {
        if self.end == End::Filled || self.missing == 0 {
            return None;
        }
        let width = self.scan.mcus_per_line;
        let after = self.scan.mcus() - self.missing;
        let place = |component: &Component, mcu: u32, right: u32, down: u32| {
            let (h, v) = (u32::from(component.horizontal), u32::from(component.vertical));
            (mcu / width * v + down) * width * h + mcu % width * h + right
        };
        let mut last = [0; 4];
        for (last, component) in last.iter_mut().zip(&self.scan.components) {
            let (h, v) = (u32::from(component.horizontal), u32::from(component.vertical));
            *last = place(component, after - 1, h - 1, v - 1);
        }
        // One more is begun: see `put_end`.
        last[0] = last[0].max(place(&self.scan.components[0], after, 0, 0));
        Some(last)
    }

    /// Ends a JPEG whose last DC value was `dc`.
    fn put_end(&self, writer: &mut BitWriter, dc: i32) -> Option<()> {
        if self.last_blocks().is_some() {
            // That it is at its end the crate knows from having wanted more bits than there are: those of a DC value
            // that needs more than are left of a byte. The bits that there are not are zeros to it.
            let (code, length) = self.scan.components[0].dc.code(CUT_CATEGORY);
            let rises = u32::from(dc < 0);
            writer.put(code << 1 | rises, length + 1);
            writer.pad(false);
            return Some(());
        }
        for _ in 0..self.missing {
            for component in &self.scan.components {
                for _ in 0..component.blocks() {
                    write_dc(writer, &component.dc, 0)?;
                    write_no_ac(writer, &component.ac)?;
                }
            }
        }
        writer.pad(true);
        writer.put_marker(EOI);
        Some(())
    }
}

/// DC values of so many bits: more than are ever left of a byte, and few enough for the model to take the value.
const CUT_CATEGORY: u8 = 10;

/// The first lines of a JPEG, for others to begin with.
#[derive(Clone, Debug)]
pub(crate) struct Lead {
    lines: u32,
    /// What codes them, to the last whole byte.
    bytes: Vec<u8>,
    /// And the bits after those.
    partial: u8,
    bit: u8,
    /// What the next DC values are predicted as.
    dc: [i32; 3],
}

impl Lead {
    /// All lines of a JPEG that was laid out so.
    pub(crate) fn of(layout: &Layout<'_>, jpeg: &[u8]) -> Option<Self> {
        let data = jpeg.strip_prefix(&layout.header[..])?;
        let mut reader = BitReader::new(data, 0, 0);
        let mut dc = [0; 3];
        pass(&mut reader, &layout.scan, layout.scan.mcus(), &mut dc)?;
        let end = reader.position();
        let byte = end.byte as usize;
        let partial = data.get(byte).map_or(0, |byte| byte & !(0xFF >> end.bit));
        Some(Self { lines: layout.scan.lines, bytes: data.get(..byte)?.to_vec(), partial, bit: end.bit, dc })
    }

    /// Of these lines of the image, the JPEG that they are in columns, and how it is laid out. For [`Layout::in_columns`].
    pub(crate) fn in_columns(&self, scan: &Scan, width: u32) -> Option<(Layout<'static>, Vec<u8>)> {
        let mcus = scan.mcus_per_line * self.lines;
        if !columns::fits(scan, mcus) {
            return None;
        }
        let own = Layout::of(scan, mcus, None, End::Filled)?;
        let data = [&self.bytes[..], &[self.partial]].concat();
        let blocks = read_blocks(&mut BitReader::new(&data, 0, 0), &mut Coding::of_layout(&own), mcus)?;
        let cells = columns::primer_cells(scan.mcus_per_line, self.lines, width);
        let layout = Layout::of(&columns::turned(scan, width), cells.len() as u32, None, End::Filled)?;
        let mut writer = BitWriter::new(0, 0, data.len() + data.len() / 8);
        let mut to = Coding::of_layout(&layout);
        let blocks = columns::turn(&columns::blocks(scan, &cells), &blocks);
        write_blocks(&mut writer, &mut to, &blocks, usize::MAX)?;
        layout.put_end(&mut writer, to.dc[0])?;
        let jpeg = [&layout.header, &writer.into_whole_bytes()[..]].concat();
        Some((layout, jpeg))
    }
}

/// Takes a stretch out of its file, whose bytes from the stretch's first on are `original`; gives the JPEG.
pub(crate) fn detach(scan: &Scan, stretch: &Stretch, layout: &Layout<'_>, original: &[u8]) -> Option<Vec<u8>> {
    let capacity = original.len() + original.len() / 8;
    let mut writer = match layout.lead {
        Some(lead) => BitWriter::after(&lead.bytes, lead.partial, lead.bit, capacity),
        None => BitWriter::new(0, 0, capacity),
    };
    let mut to = Coding::of_layout(layout);
    let mut reader = BitReader::new(original, 0, stretch.from.at.bit);
    let mut from = Coding::new(scan, stretch);
    match &layout.turned {
        None => recode(&mut reader, &mut from, &mut writer, &mut to, stretch.mcus, usize::MAX)?,
        Some(turned) => {
            let blocks = read_blocks(&mut reader, &mut from, stretch.mcus)?;
            write_blocks(&mut writer, &mut to, &columns::turn(turned, &blocks), usize::MAX)?;
        }
    }
    layout.put_end(&mut writer, to.dc[0])?;
    Some([&layout.header, &writer.into_whole_bytes()[..]].concat())
}

/// The bytes of the file that a stretch covers, `count` of them, out of its JPEG.
pub(crate) fn attach(
    scan: &Scan,
    stretch: &Stretch,
    layout: &Layout<'_>,
    jpeg: &[u8],
    count: usize,
) -> Option<Vec<u8>> {
    let data = jpeg.strip_prefix(&layout.header[..])?;
    let mut reader = match layout.lead {
        Some(lead) => BitReader::new(data, lead.bytes.len(), lead.bit),
        None => BitReader::new(data, 0, 0),
    };
    let mut from = Coding::of_layout(layout);
    let mut writer = BitWriter::new(stretch.from.partial, stretch.from.at.bit, count + 64);
    let mut to = Coding::new(scan, stretch);
    match &layout.turned {
        None => recode(&mut reader, &mut from, &mut writer, &mut to, stretch.mcus, count)?,
        Some(turned) => {
            let blocks = read_blocks(&mut reader, &mut from, stretch.mcus)?;
            write_blocks(&mut writer, &mut to, &columns::turn_back(turned, &blocks), count)?;
        }
    }
    Some(writer.into_whole_bytes()).filter(|bytes| bytes.len() == count)
}

/// Reads MCUs of a scan without restarts, of which only the DC values are of interest.
fn pass(reader: &mut BitReader<'_>, scan: &Scan, mcus: u32, dc: &mut [i32; 3]) -> Option<()> {
    for _ in 0..mcus {
        for (component, dc) in scan.components.iter().zip(&mut *dc) {
            for _ in 0..component.blocks() {
                *dc += read_dc(reader, &component.dc)?;
                carry_ac(reader, &component.ac, &mut ())?;
            }
        }
        if reader.overran() {
            return None;
        }
    }
    Some(())
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

    /// Of a JPEG that was laid out so, after its lead.
    fn of_layout(layout: &'a Layout<'_>) -> Self {
        let dc = layout.lead.map_or([0; 3], |lead| lead.dc);
        Self { scan: &layout.scan, mcu: 0, dc, pad: true, has_begun: false }
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

    /// Goes on to the next MCU where it is read.
    fn pass_restart(&mut self, reader: &mut BitReader<'_>) -> Option<()> {
        self.next().map_or(Some(()), |number| reader.pass_restart(number).map(drop))
    }

    /// Goes on to the next MCU where it is written.
    fn put_restart(&mut self, writer: &mut BitWriter) {
        if let Some(number) = self.next() {
            writer.pad(self.pad);
            writer.put_marker(0xD0 + number as u8);
        }
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
        from.pass_restart(reader)?;
        to.put_restart(writer);
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

/// Reads MCUs into their blocks, DC values for differences. `None` where what is read is no MCU.
fn read_blocks(reader: &mut BitReader<'_>, from: &mut Coding<'_>, mcus: u32) -> Option<Vec<Block>> {
    let mut blocks = Vec::with_capacity(mcus as usize * from.scan.blocks_per_mcu() as usize);
    for _ in 0..mcus {
        from.pass_restart(reader)?;
        for (component, dc) in from.scan.components.iter().zip(&mut from.dc) {
            for _ in 0..component.blocks() {
                let mut block = [0; 64];
                *dc += read_dc(reader, &component.dc)?;
                block[0] = i16::try_from(*dc).ok()?;
                carry_ac(reader, &component.ac, &mut block)?;
                blocks.push(block);
            }
        }
        if reader.overran() {
            return None;
        }
    }
    Some(blocks)
}

/// Writes blocks as MCUs. `None` where that cannot be, or grows beyond `most` bytes by more than an MCU.
fn write_blocks(writer: &mut BitWriter, to: &mut Coding<'_>, mut blocks: &[Block], most: usize) -> Option<()> {
    while !blocks.is_empty() {
        to.put_restart(writer);
        for (component, dc) in to.scan.components.iter().zip(&mut to.dc) {
            let own = blocks.split_off(..component.blocks() as usize)?;
            for block in own {
                write_dc(writer, &component.dc, i32::from(block[0]) - *dc)?;
                *dc = block[0].into();
                write_ac(writer, &component.ac, block)?;
            }
        }
        if writer.len() > most {
            return None;
        }
    }
    Some(())
}
