//! Letters as dots: words in a window and on a picture without a font file.

use font8x8::UnicodeFonts;

/// The font's eight rows of a letter, the leftmost dot lowest; what it lacks is a question mark.
pub(crate) fn glyph(letter: char) -> [u8; 8] {
    let drawn = font8x8::BASIC_FONTS.get(letter).or_else(|| font8x8::LATIN_FONTS.get(letter));
    let drawn = drawn.or_else(|| font8x8::BLOCK_FONTS.get(letter)).or_else(|| font8x8::BOX_FONTS.get(letter));
    drawn.or_else(|| font8x8::BASIC_FONTS.get('?')).unwrap_or_default()
}
