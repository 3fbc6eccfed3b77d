//! Marker segments (T.81 Annex B): what they say about the scans that follow, and a scan's own header written anew.

use std::sync::Arc;

use super::huffman::HuffmanTable;

/// What one scan's entropy-coded data need to be read: its components, their tables, its shape in MCUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    pub(crate) components: Vec<Component>,
    pub(crate) mcus_per_line: u32,
    /// 0 where the header leaves it open (T.81 §B.2.5).
    pub(crate) lines: u32,
    /// MCUs between restart markers; 0 for none.
    pub(crate) restart_interval: u32,
}

/// A component as a scan codes it. The only component of a scan has one block in an MCU, whatever its sampling factors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Component {
    pub(crate) horizontal: u8,
    pub(crate) vertical: u8,
    pub(crate) quantization: Arc<[u16; 64]>,
    pub(crate) dc: Arc<HuffmanTable>,
    pub(crate) ac: Arc<HuffmanTable>,
}

impl Component {
    pub(crate) fn blocks(&self) -> u32 {
        u32::from(self.horizontal) * u32::from(self.vertical)
    }
}

impl Scan {
    /// Blocks of all components in an MCU.
    pub(crate) fn blocks_per_mcu(&self) -> u32 {
        self.components.iter().map(Component::blocks).sum()
    }

    /// MCUs in the scan, as far as the header says.
    pub(crate) fn mcus(&self) -> u32 {
        if self.lines == 0 { u32::MAX } else { self.mcus_per_line.saturating_mul(self.lines) }
    }

    /// Lines of MCUs that a JPEG may have.
    pub(crate) fn most_lines(&self) -> u32 {
        let tallest = self.components.iter().map(|component| u32::from(component.vertical)).max().unwrap_or(1);
        65535 / (8 * tallest)
    }

    /// The header of a JPEG file that has this one scan and nothing else: reading it gives the scan again.
    pub(crate) fn to_header(&self) -> Vec<u8> {
        let mut header = vec![0xFF, SOI];
        let (mut quantizations, mut dcs, mut acs) = (Vec::new(), Vec::new(), Vec::new());
        let mut frame = vec![8];
        let mut scan = vec![self.components.len() as u8];
        let tallest = self.components.iter().map(|component| component.vertical).max().unwrap_or(1);
        let widest = self.components.iter().map(|component| component.horizontal).max().unwrap_or(1);
        frame.extend(samples(self.lines, tallest).to_be_bytes());
        frame.extend(samples(self.mcus_per_line, widest).to_be_bytes());
        frame.push(self.components.len() as u8);
        for (name, component) in (1_u8..).zip(&self.components) {
            let quantization = place(&mut quantizations, &component.quantization);
            let tables = place(&mut dcs, &component.dc) << 4 | place(&mut acs, &component.ac);
            frame.extend([name, component.horizontal << 4 | component.vertical, quantization]);
            scan.extend([name, tables]);
        }
        scan.extend([0, 63, 0]);
        for (number, table) in (0..).zip(quantizations) {
            let mut segment = vec![0x10 | number];
            segment.extend(table.iter().flat_map(|step| step.to_be_bytes()));
            put_segment(&mut header, DQT, &segment);
        }
        for (class, tables) in [(0x00, dcs), (0x10, acs)] {
            for (number, table) in (0..).zip(tables) {
                put_segment(&mut header, DHT, &[&[class | number], &table.to_bytes()[..]].concat());
            }
        }
        put_segment(&mut header, SOF0, &frame);
        if self.restart_interval > 0 {
            put_segment(&mut header, DRI, &(self.restart_interval as u16).to_be_bytes());
        }
        put_segment(&mut header, SOS, &scan);
        header
    }

    /// Reads what [`Scan::to_header`] wrote, and nothing else.
    pub(crate) fn from_header(bytes: &[u8]) -> Option<Self> {
        let mut headers = Headers::default();
        let mut rest = bytes.strip_prefix(&[0xFF, SOI])?;
        loop {
            let (segment, after) = Segment::parse(rest)?;
            rest = after;
            match headers.apply(&segment) {
                Meaning::Scan(scan) => return scan.filter(|_| rest.is_empty()),
                Meaning::Image => return None,
                Meaning::Nothing | Meaning::Frame(_) => {}
            }
        }
    }
}

/// The index of an equal item, which is appended if there is none.
fn place<T: PartialEq + Clone>(items: &mut Vec<T>, item: &T) -> u8 {
    let found = items.iter().position(|other| other == item);
    found.unwrap_or_else(|| {
        items.push(item.clone());
        items.len() - 1
    }) as u8
}

/// Samples on a side that make this many MCUs: as many as there is room for, and one of the last MCU where there is not.
fn samples(mcus: u32, factor: u8) -> u16 {
    let whole = mcus * 8 * u32::from(factor);
    u16::try_from(whole).unwrap_or_else(|_| u16::try_from(whole - 8 * u32::from(factor) + 1).unwrap_or(u16::MAX))
}

fn put_segment(header: &mut Vec<u8>, marker: u8, content: &[u8]) {
    header.extend([0xFF, marker]);
    header.extend((content.len() as u16 + 2).to_be_bytes());
    header.extend(content);
}

/// A marker with what belongs to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) marker: u8,
    pub(crate) content: &'a [u8],
}

impl<'a> Segment<'a> {
    /// The segment that bytes begin with, and the rest. `None` where there is no marker or its segment is not whole.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&[first, marker], after) = bytes.split_first_chunk::<2>()?;
        if first != 0xFF || marker == 0 || marker == 0xFF {
            return None;
        }
        if matches!(marker, 0x01 | 0xD0..=0xD9) {
            return Some((Self { marker, content: &[] }, after));
        }
        let length = usize::from(u16::from_be_bytes(*after.first_chunk::<2>()?));
        let content = after.get(2..length)?;
        Some((Self { marker, content }, &after[length..]))
    }
}

/// What a segment means for the reading of scans.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// It changes tables, or nothing.
    Nothing,
    /// An image begins.
    Image,
    /// Its frame header, with this many coefficient blocks; 0 if we do not know how it is coded.
    Frame(u64),
    /// Entropy-coded data follow; `None` where they are none we read: progressive, arithmetic, of four components,
    /// damaged headers.
    Scan(Option<Scan>),
}

/// What the segments so far have said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers {
    quantizations: [Option<Arc<[u16; 64]>>; 4],
    /// By class (DC, AC) and number.
    huffman: [[Option<Arc<HuffmanTable>>; 4]; 2],
    restart_interval: u32,
    frame: Option<Frame>,
}

/// The frame header, of whichever process.
#[derive(Clone, Debug)]
struct Frame {
    /// Sequential, Huffman-coded, of 8 bits.
    is_sequential: bool,
    width: u32,
    height: u32,
    /// Name, horizontal and vertical sampling factors, quantization table.
    components: Vec<(u8, u8, u8, u8)>,
}

impl Frame {
    /// Coefficient blocks of the image, those beyond its edges included.
    fn blocks(&self) -> u64 {
        let (widest, tallest) = self.factors();
        let mcus = |samples: u32, factor: u8| u64::from(samples.div_ceil(8 * u32::from(factor)));
        let per_mcu: u64 = self.components.iter().map(|&(_, h, v, _)| u64::from(h) * u64::from(v)).sum();
        mcus(self.width, widest) * mcus(self.height, tallest) * per_mcu
    }

    fn factors(&self) -> (u8, u8) {
        let widest = self.components.iter().map(|component| component.1).max();
        let tallest = self.components.iter().map(|component| component.2).max();
        (widest.unwrap_or(1), tallest.unwrap_or(1))
    }

    fn parse(marker: u8, content: &[u8]) -> Option<Self> {
        let &[precision, h1, h0, w1, w0, count] = content.first_chunk::<6>()?;
        let rest = &content[6..];
        if rest.len() != 3 * usize::from(count) || !(1..=4).contains(&count) {
            return None;
        }
        let components = rest.chunks_exact(3).map(|c| (c[0], c[1] >> 4, c[1] & 15, c[2])).collect::<Vec<_>>();
        let sound = |&(_, h, v, table): &(u8, u8, u8, u8)| (1..=4).contains(&h) && (1..=4).contains(&v) && table < 4;
        let (width, height) = (u32::from(u16::from_be_bytes([w1, w0])), u32::from(u16::from_be_bytes([h1, h0])));
        let is_sequential = matches!(marker, SOF0 | SOF1) && precision == 8;
        (width > 0 && components.iter().all(sound)).then_some(Self { is_sequential, width, height, components })
    }
}

impl Headers {
    /// Takes in one segment. What is damaged in it is as if it were not there.
    pub(crate) fn apply(&mut self, segment: &Segment<'_>) -> Meaning {
        match segment.marker {
            SOI => {
                *self = Self::default();
                return Meaning::Image;
            }
            DQT => drop(self.read_quantization(segment.content)),
            DHT => drop(self.read_huffman(segment.content)),
            DRI => {
                let interval = segment.content.try_into().map(u16::from_be_bytes);
                self.restart_interval = u32::from(interval.unwrap_or(0));
            }
            SOS => return Meaning::Scan(self.read_scan(segment.content)),
            // All SOFs; the three codes left out are DHT, JPG and DAC.
            0xC0..=0xCF if !matches!(segment.marker, 0xC4 | 0xC8 | 0xCC) => {
                self.frame = Frame::parse(segment.marker, segment.content);
                return Meaning::Frame(self.frame.as_ref().map_or(0, Frame::blocks));
            }
            _ => {}
        }
        Meaning::Nothing
    }

    fn read_quantization(&mut self, mut content: &[u8]) -> Option<()> {
        while let Some((&about, rest)) = content.split_first() {
            let wide = usize::from(about >> 4 != 0);
            let (values, rest) = rest.split_at_checked(64 << wide)?;
            let mut table = [0; 64];
            for (step, value) in table.iter_mut().zip(values.chunks(1 << wide)) {
                *step = value.iter().fold(0, |step, &byte| step << 8 | u16::from(byte));
            }
            *self.quantizations.get_mut(usize::from(about & 15))? = Some(Arc::new(table));
            content = rest;
        }
        Some(())
    }

    fn read_huffman(&mut self, mut content: &[u8]) -> Option<()> {
        while let Some((&about, rest)) = content.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total)?;
            let place = self.huffman.get_mut(usize::from(about >> 4))?.get_mut(usize::from(about & 15))?;
            *place = HuffmanTable::new(*counts, symbols).map(Arc::new);
            content = rest;
        }
        Some(())
    }

    fn read_scan(&self, content: &[u8]) -> Option<Scan> {
        let frame = self.frame.as_ref().filter(|frame| frame.is_sequential)?;
        let (&count, rest) = content.split_first()?;
        let (selectors, spectrum) = rest.split_at_checked(2 * usize::from(count))?;
        // Three is what the model takes.
        if !(1..=3).contains(&count) || spectrum != [0, 63, 0] {
            return None;
        }
        let alone = count == 1;
        let (widest, tallest) = frame.factors();
        let mut scan =
            Scan { components: Vec::new(), mcus_per_line: 0, lines: 0, restart_interval: self.restart_interval };
        for selector in selectors.chunks_exact(2) {
            let &(_, h, v, table) = frame.components.iter().find(|component| component.0 == selector[0])?;
            let quantization = self.quantizations[usize::from(table)].clone()?;
            let [dc, ac] = [selector[1] >> 4, selector[1] & 15].map(usize::from);
            let (dc, ac) = (self.table(0, dc)?, self.table(1, ac)?);
            let (horizontal, vertical) = if alone { (1, 1) } else { (h, v) };
            scan.components.push(Component { horizontal, vertical, quantization, dc, ac });
            let mcus = |samples: u32, own: u8, most: u8| match alone {
                true => (samples * u32::from(own)).div_ceil(u32::from(most)).div_ceil(8),
                false => samples.div_ceil(8 * u32::from(most)),
            };
            scan.mcus_per_line = mcus(frame.width, h, widest);
            scan.lines = mcus(frame.height, v, tallest);
        }
        Some(scan)
    }

    /// The table of this class and number; the usual one where the file has none at all of this class.
    fn table(&self, class: usize, number: usize) -> Option<Arc<HuffmanTable>> {
        let tables = &self.huffman[class];
        let usual = HuffmanTable::usual()[class].get(number).filter(|_| tables.iter().all(Option::is_none));
        usual.or(tables.get(number)?.as_ref()).cloned()
    }
}

pub(crate) const SOI: u8 = 0xD8;
pub(crate) const EOI: u8 = 0xD9;
const DQT: u8 = 0xDB;
const DHT: u8 = 0xC4;
const DRI: u8 = 0xDD;
const SOF0: u8 = 0xC0;
const SOF1: u8 = 0xC1;
const SOS: u8 = 0xDA;
