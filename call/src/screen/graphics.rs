//! How a terminal can show pictures, found by asking it: kitty's protocol, sixel, or characters that are half blocks. For the
//! first two the picture is painted as for a window, over cells that stay black.

use super::View;
use super::canvas::Canvas;
use super::kitty::{self, Bytes, Shared};
use super::sixel::sixel;
use super::status::{Overlay, StatusLines};

/// How pictures are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Kitty's, through memory that the terminal shares with us.
    KittyShared,
    /// Kitty's, the bytes in the sequences.
    KittyDirect,
    /// Sixel.
    Sixel,
    /// Two pixels a character.
    HalfBlocks,
}

impl Protocol {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::KittyShared => "kitty graphics through shared memory",
            Self::KittyDirect => "kitty graphics",
            Self::Sixel => "sixel graphics",
            Self::HalfBlocks => "half blocks",
        }
    }
}

/// What a terminal answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Abilities {
    pub(super) kitty_direct: bool,
    pub(super) kitty_shared: bool,
    pub(super) sixel: bool,
    /// Width and height of a cell in pixels.
    pub(super) cell: Option<(u16, u16)>,
}

/// What serves a moving picture best. Far away (`is_remote`), characters do: a hundred times fewer bytes, and only those that
/// change.
pub(super) fn choose(abilities: Abilities, is_remote: bool) -> Protocol {
    match abilities {
        Abilities { kitty_shared: true, .. } => Protocol::KittyShared,
        _ if is_remote => Protocol::HalfBlocks,
        Abilities { kitty_direct: true, .. } => Protocol::KittyDirect,
        Abilities { sixel: true, .. } => Protocol::Sixel,
        _ => Protocol::HalfBlocks,
    }
}

/// Draws pictures in one of the protocols.
pub(super) struct Graphics {
    pub(super) protocol: Protocol,
    cell: (u16, u16),
    canvas: Canvas,
    shared: Shared,
    bytes: Vec<u8>,
    turn: u64,
}

impl Graphics {
    pub(super) fn new(abilities: Abilities, is_remote: bool, shared: Shared) -> Self {
        Self {
            protocol: choose(abilities, is_remote),
            cell: abilities.cell.filter(|(width, height)| *width > 0 && *height > 0).unwrap_or(CELL_UNSAID),
            canvas: Canvas::default(),
            shared,
            bytes: Vec::new(),
            turn: 0,
        }
    }

    /// Pixels that the picture may have over `cells` (columns, rows).
    pub(super) fn size(&self, (columns, rows): (usize, usize)) -> (usize, usize) {
        let (limit, rows) = match self.protocol {
            Protocol::KittyShared => (SHARED_PIXELS, rows),
            Protocol::KittyDirect => (DIRECT_PIXELS, rows),
            // Sixels that reach the lower edge scroll the terminal.
            Protocol::Sixel => (DIRECT_PIXELS, rows.saturating_sub(1)),
            Protocol::HalfBlocks => return (columns, 2 * rows),
        };
        let (width, height) = (columns * usize::from(self.cell.0), rows * usize::from(self.cell.1));
        if width * height <= limit {
            return (width, height);
        }
        let scale = (limit as f64 / (width * height) as f64).sqrt();
        ((width as f64 * scale) as usize, (height as f64 * scale) as usize)
    }

    /// What to write to show the picture over the upper `cells` (columns, rows) of the terminal; nothing where cells are the
    /// picture.
    pub(super) fn draw(&mut self, view: &View<'_>, cells: (usize, usize)) -> String {
        let size = self.size(cells);
        if self.protocol == Protocol::HalfBlocks || size.0 == 0 || size.1 == 0 {
            return String::new();
        }
        self.canvas.paint(&View { status: &StatusLines::default(), overlay: Overlay::Off, ..*view }, size);
        let drawn =
            if self.protocol == Protocol::Sixel { sixel(&self.canvas.pixels, size.0) } else { self.kitty(size, cells) };
        format!("\x1b[1;1H{drawn}")
    }

    fn kitty(&mut self, size: (usize, usize), cells: (usize, usize)) -> String {
        self.bytes.clear();
        for pixel in &self.canvas.pixels {
            let [blue, green, red, _] = pixel.to_le_bytes();
            self.bytes.extend_from_slice(&[red, green, blue]);
        }
        self.turn += 1;
        match self.protocol {
            // Without room for another object this picture is not shown; there may be for the next.
            Protocol::KittyShared => match self.shared.make(&self.bytes) {
                Ok(name) => kitty::picture(self.turn, size, cells, Bytes::Shared(&name)),
                Err(_) => String::new(),
            },
            _ => kitty::picture(self.turn, size, cells, Bytes::Direct(&self.bytes)),
        }
    }
}

/// 1280x720: beyond, the terminal scales.
const SHARED_PIXELS: usize = 1280 * 720;
/// 480x270: half a megabyte a picture, of which a local terminal takes some thirty a second.
const DIRECT_PIXELS: usize = 480 * 270;
/// A cell of a terminal that does not say: the VT340's is 10x20, most are near half as wide as tall.
const CELL_UNSAID: (u16, u16) = (8, 16);

#[cfg(test)]
mod tests {
    use super::*;
    use oyster_codec::{Image, Size};

    const NOTHING: Abilities = Abilities { kitty_direct: false, kitty_shared: false, sixel: false, cell: None };

    #[test]
    fn the_best_of_what_a_terminal_can_is_taken() {
        let kitty = Abilities { kitty_direct: true, kitty_shared: true, ..NOTHING };
        let ghostly = Abilities { kitty_direct: true, sixel: true, ..NOTHING };
        let xterm = Abilities { sixel: true, ..NOTHING };
        let chosen = |is_remote| [kitty, ghostly, xterm, NOTHING].map(|abilities| choose(abilities, is_remote));
        use Protocol::{HalfBlocks, KittyDirect, KittyShared, Sixel};
        assert_eq!(chosen(false), [KittyShared, KittyDirect, Sixel, HalfBlocks]);
        // Memory that is shared proves that the terminal is near, whatever the environment says.
        assert_eq!(chosen(true), [KittyShared, HalfBlocks, HalfBlocks, HalfBlocks]);
    }

    #[test]
    fn a_large_terminal_gets_a_picture_of_bounded_size_and_its_own_shape() {
        let cell = Some((10, 20));
        let graphics = |abilities| Graphics::new(Abilities { cell, ..abilities }, false, Shared::new());
        let sixel = graphics(Abilities { sixel: true, ..NOTHING });
        assert_eq!(sixel.size((40, 10)), (400, 180));
        let (width, height) = sixel.size((400, 101));
        assert!(width * height <= DIRECT_PIXELS && width / height == 2, "{width}x{height}");
        assert_eq!(graphics(NOTHING).size((40, 10)), (40, 20));
    }

    #[test]
    fn pictures_begin_at_the_upper_left() {
        let picture = Image::black(Size::new(64, 36).unwrap());
        let status = StatusLines::default();
        let view = View { picture: &picture, own: None, status: &status, overlay: Overlay::Line };
        for (abilities, begin) in [
            (Abilities { sixel: true, ..NOTHING }, "\x1b[1;1H\x1bP0;1q\"1;1;80;16#0"),
            (Abilities { kitty_direct: true, ..NOTHING }, "\x1b[1;1H\x1b_Ga=T"),
            (NOTHING, ""),
        ] {
            let drawn = Graphics::new(abilities, false, Shared::new()).draw(&view, (10, 2));
            assert!(drawn.starts_with(begin) && drawn.is_empty() == begin.is_empty(), "{drawn:?}");
        }
    }
}
