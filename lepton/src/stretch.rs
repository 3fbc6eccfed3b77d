//! A stretch of a scan as a frame's content, and the primer that makes short ones smaller.
//!
//! The model knows nothing at first and learns as it goes, which costs about two kilobytes: little in a file, much in a
//! chunk of 64 KiB. So some lines of the image, the *primer*, are kept in the container's header and come first in the JPEG
//! that a stretch is laid out as. The coded bytes of the primer are the same in all of them and are left out. They are not
//! there for nothing else: in the chunk that they are from, they are left out too.

use std::ops::Range;
use std::sync::OnceLock;

use crate::columns::{MOST_COLUMNS, width};
use crate::jpeg::header::Scan;
use crate::model::{self, JpegEnd};
use crate::plan::{Piece, Stretch};
use crate::shared::Shared;
use crate::standalone::{End, Layout, Lead, attach, detach};
use crate::{MAX_PIECE_BYTES, numbers};

/// The ways to lay out a stretch as a JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// See [`columns`](crate::columns); only where a primer comes first.
    Columns,
    /// In the image's own lines.
    Lines(End),
}

impl Form {
    /// In the order in which they are worth a try.
    pub(crate) const ALL: [Self; 3] = [Self::Columns, Self::Lines(End::Cut), Self::Lines(End::Filled)];

    /// With the coded bytes of what comes first.
    fn layout<'a>(self, scan: &Scan, mcus: u32, primer: Option<&'a Primer>) -> Option<(Layout<'a>, &'a [u8])> {
        let opening = match self {
            Self::Columns => Some(primer?.in_columns(scan, mcus)?),
            Self::Lines(_) => primer.map(|primer| &primer.in_lines),
        };
        let lead = opening.map(|opening| &opening.lead);
        let layout = match self {
            Self::Columns => Layout::in_columns(scan, mcus, lead),
            Self::Lines(end) => Layout::of(scan, mcus, lead, end),
        };
        Some((layout?, opening.map_or(&[], |opening| &opening.body)))
    }

    /// As flags of a frame's content.
    fn to_bits(self) -> u8 {
        match self {
            Self::Columns => 64,
            Self::Lines(End::Filled) => 32,
            Self::Lines(End::Cut) => 0,
        }
    }

    fn of_bits(flags: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.to_bits() == flags & (64 | 32))
    }
}

/// A frame's content that is a stretch.
struct Content<'a> {
    /// Places are counted from the first byte that it covers; the end is not stated.
    stretch: Stretch,
    /// How it is laid out as a JPEG.
    form: Form,
    jpeg_bytes: u32,
    last_two: [u8; 2],
    /// How many of the primer's coded bytes come first, if the primer does.
    primed: Option<u64>,
    /// The piece's bytes before and after those that the stretch covers.
    before: &'a [u8],
    after: &'a [u8],
    /// What the model coded, without those of the primer.
    body: &'a [u8],
}

impl Content<'_> {
    fn to_bytes(&self, components: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.body.len() + self.before.len() + self.after.len() + 64);
        self.stretch.put(&mut bytes, components, u8::from(self.primed.is_some()) << 4 | self.form.to_bits());
        numbers::put(&mut bytes, u64::from(self.jpeg_bytes));
        bytes.extend(self.last_two);
        if let Some(count) = self.primed {
            numbers::put(&mut bytes, count);
        }
        for beside in [self.before, self.after] {
            numbers::put(&mut bytes, beside.len() as u64);
            bytes.extend(beside);
        }
        bytes.extend(self.body);
        bytes
    }
}

impl<'a> Content<'a> {
    fn parse(scans: &[Scan], mut bytes: &'a [u8]) -> Option<Self> {
        let (stretch, flags) = Stretch::take(&mut bytes, scans)?;
        let jpeg_bytes = numbers::take(&mut bytes).filter(|&bytes| bytes <= 2 * MAX_PIECE_BYTES)? as u32;
        let last_two = *numbers::take_bytes(&mut bytes, 2)?.first_chunk()?;
        let primed = if flags & 16 != 0 { Some(numbers::take(&mut bytes)?) } else { None };
        let [before, after] = [(); 2].map(|()| {
            let count = numbers::take(&mut bytes)?;
            numbers::take_bytes(&mut bytes, count)
        });
        let form = Form::of_bits(flags)?;
        Some(Self { stretch, form, jpeg_bytes, last_two, primed, before: before?, after: after?, body: bytes })
    }

    /// The JPEG, whose first coded bytes are these.
    fn jpeg(&self, layout: &Layout<'_>, first: &[u8]) -> Option<Vec<u8>> {
        let end = JpegEnd { bytes: self.jpeg_bytes, last_two: self.last_two, last_blocks: layout.last_blocks() };
        model::decode_body(&layout.header, &end, [first, self.body])
    }
}

/// Lines of the image that come first in the JPEGs of all stretches of their scan.
#[derive(Clone, Debug)]
pub(crate) struct Primer {
    scan: usize,
    in_lines: Opening,
    /// By the number of columns less one, each made when it is first needed: a file's chunks have a few.
    in_columns: [OnceLock<Option<Opening>>; MOST_COLUMNS as usize],
}

/// How JPEGs begin that begin with the primer.
#[derive(Clone, Debug)]
struct Opening {
    lead: Lead,
    /// What the model codes them as.
    body: Vec<u8>,
}

impl Primer {
    /// Out of a frame's content, in which it is a stretch like others.
    pub(crate) fn decode(scans: &[Scan], content: &[u8]) -> Option<Self> {
        let content = Content::parse(scans, content).filter(|content| content.primed.is_none())?;
        let Stretch { scan, mcus, .. } = content.stretch;
        // Whole lines, for others to follow.
        let lines = mcus.is_multiple_of(scans[scan].mcus_per_line);
        let (layout, _) = content.form.layout(&scans[scan], mcus, None).filter(|_| lines)?;
        let lead = Lead::of(&layout, &content.jpeg(&layout, &[])?)?;
        let in_lines = Opening { lead, body: content.body.to_vec() };
        Some(Self { scan, in_lines, in_columns: [const { OnceLock::new() }; _] })
    }

    /// For a stretch of its scan in columns, as many as that has.
    fn in_columns(&self, scan: &Scan, mcus: u32) -> Option<&Opening> {
        let width = width(scan, mcus)?;
        let make = || {
            let (layout, jpeg) = self.in_lines.lead.in_columns(scan, width)?;
            Some(Opening { lead: Lead::of(&layout, &jpeg)?, body: model::encode_body(&jpeg)? })
        };
        self.in_columns.get(width as usize - 1)?.get_or_init(make).as_ref()
    }
}

/// Codes a piece's stretch; `None` if the model does not take it.
pub(crate) fn encode(
    scans: &[Scan],
    primer: Option<&Primer>,
    piece: &Piece,
    form: Form,
    original: &[u8],
) -> Option<Vec<u8>> {
    let stretch = piece.stretch.as_ref()?;
    let scan = &scans[stretch.scan];
    let primer = primer.filter(|primer| primer.scan == stretch.scan);
    let (layout, first) = form.layout(scan, stretch.mcus, primer)?;
    let covered = covered(piece, stretch);
    let jpeg = lay_out(scan, stretch, &layout, &original[covered.clone()])?;
    let body = model::encode_body(&jpeg)?;
    let alike = body.iter().zip(first).take_while(|(own, its)| own == its).count();
    let content = Content {
        stretch: stretch.clone(),
        form,
        jpeg_bytes: jpeg.len() as u32,
        last_two: *jpeg.last_chunk()?,
        primed: primer.map(|_| alike as u64),
        before: &original[..covered.start],
        after: &original[covered.end..],
        body: &body[alike..],
    };
    Some(content.to_bytes(scan.components.len()))
}

/// The bytes of a piece that its stretch covers.
fn covered(piece: &Piece, stretch: &Stretch) -> Range<usize> {
    let within = |byte: u64| (byte - piece.bytes.start) as usize;
    within(stretch.from.at.byte)..within(stretch.to.at.byte)
}

/// The JPEG of a stretch that covers these bytes.
fn lay_out(scan: &Scan, stretch: &Stretch, layout: &Layout<'_>, covered: &[u8]) -> Option<Vec<u8>> {
    // The byte that the last MCU ends in may be the next piece's.
    detach(scan, stretch, layout, &[covered, &[stretch.to.partial]].concat())
}

/// A piece by way of the JPEG that the model would be given, in lines or in columns; `None` if it would be given none, or one
/// that is not it.
#[cfg(fuzzing)]
pub fn detach_and_attach(plan: &crate::Plan, piece: &Piece, original: &[u8], in_columns: bool) -> Option<Vec<u8>> {
    let stretch = piece.stretch.as_ref()?;
    let scan = &plan.shared.scans[stretch.scan];
    let covered = covered(piece, stretch);
    let layout = match in_columns {
        true => Layout::in_columns(scan, stretch.mcus, None)?,
        false => Layout::of(scan, stretch.mcus, None, End::Cut)?,
    };
    let jpeg = lay_out(scan, stretch, &layout, &original[covered.clone()])?;
    let back = attach(scan, stretch, &layout, &jpeg, covered.len())?;
    Some([&original[..covered.start], &back, &original[covered.end..]].concat())
}

/// Decodes a piece of `piece_bytes`.
pub(crate) fn decode(shared: &Shared, piece_bytes: u64, content: &[u8]) -> Option<Vec<u8>> {
    let content = Content::parse(&shared.scans, content)?;
    let Content { stretch, before, after, .. } = &content;
    let scan = &shared.scans[stretch.scan];
    let covered = piece_bytes.checked_sub((before.len() + after.len()) as u64)? as usize;
    // Of the scan's primer none or all is what a stretch begins with.
    let primer = match content.primed {
        Some(_) => Some(shared.primer().filter(|primer| primer.scan == stretch.scan)?),
        None => None,
    };
    let (layout, first) = content.form.layout(scan, stretch.mcus, primer)?;
    let alike = usize::try_from(content.primed.unwrap_or(0)).ok()?;
    let jpeg = content.jpeg(&layout, first.get(..alike)?)?;
    Some([before, &attach(scan, stretch, &layout, &jpeg, covered)?[..], after].concat())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::pictures::Kind;

    /// Packing would hide it if one did not come back: it takes the next form.
    fn expect_each_form(original: &[u8], chunk_bytes: u64) -> usize {
        let plan = crate::plan(&mut Cursor::new(original), chunk_bytes).expect("memory can be read");
        let mut in_columns = 0;
        for piece in plan.pieces() {
            let Some(stretch) = &piece.stretch else { continue };
            let original = &original[piece.bytes.start as usize..piece.bytes.end as usize];
            for form in Form::ALL {
                let primer = plan.shared.primer().filter(|primer| primer.scan == stretch.scan);
                if form.layout(&plan.shared.scans[stretch.scan], stretch.mcus, primer).is_none() {
                    continue;
                }
                let content = encode(&plan.shared.scans, primer, piece, form, original).expect("it can be laid out");
                let back = decode(&plan.shared, original.len() as u64, &content);
                assert!(back.as_deref() == Some(original), "{form:?} of bytes {:?}", piece.bytes);
                in_columns += usize::from(form == Form::Columns);
            }
        }
        in_columns
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn each_form_of_any_stretch_comes_back(kind in any::<Kind>(), chunk_bytes in 1000_u64..40_000) {
            expect_each_form(&kind.jpeg(), chunk_bytes);
        }
    }

    #[test]
    fn chunks_of_few_lines_are_in_columns() {
        let in_columns = |kind: Kind| {
            let original = kind.jpeg();
            (expect_each_form(&original, 1 << 15), original.len() >> 15)
        };
        let (wide, wide_chunks) = in_columns(Kind::photograph(3000, 800));
        // But the primer and perhaps the rest of its line.
        assert!(wide_chunks > 10 && wide >= wide_chunks - 1, "{wide} of {wide_chunks}");
        let (narrow, narrow_chunks) = in_columns(Kind::photograph(64, 12_000));
        assert!(narrow_chunks > 3 && narrow <= 1, "{narrow} of {narrow_chunks}");
    }
}
