//! The words under a picture: a line of figures, more of them on request, and the keys. Which are shown, and how they
//! break into rows, is the same in a window and in a terminal.

/// What is said about the call while a picture is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusLines {
    /// One line of the figures that matter most; also a window's title.
    pub summary: String,
    /// More figures, a line each, above the summary. At most [`StatusLines::ROW_LIMIT`] rows are shown in all.
    pub details: Vec<String>,
    /// The keys there are, as [`StatusLines::CALL_KEYS`].
    pub keys: &'static str,
}

impl Default for StatusLines {
    fn default() -> Self {
        Self { summary: String::new(), details: Vec::new(), keys: KEYS }
    }
}

impl StatusLines {
    /// Rows of words at most, so that there is always a picture, too.
    pub const ROW_LIMIT: usize = 16;
    /// The keys of a call between two machines.
    pub const CALL_KEYS: &'static str = "m mute  space talk  n/l next mic/loudspeaker  c camera  i figures  q quit";

    /// Only a summary.
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), ..Self::default() }
    }

    /// The rows to show, from top to bottom, none wider than `columns` characters. The keys stand at the right of the
    /// last row where there is room.
    pub(super) fn rows(&self, overlay: Overlay, columns: usize) -> Vec<String> {
        let details = match overlay {
            Overlay::Off => return Vec::new(),
            Overlay::Line => &[],
            Overlay::Figures => self.details.as_slice(),
        };
        let mut rows = wrapped(&self.summary, columns);
        rows.truncate(Self::ROW_LIMIT);
        let room = Self::ROW_LIMIT - rows.len();
        let mut shown: Vec<_> = details.iter().take(room).flat_map(|line| wrapped(line, columns)).take(room).collect();
        if let Some(last) = rows.last_mut() {
            let used = last.chars().count();
            if used + 2 + self.keys.len() <= columns {
                last.extend(std::iter::repeat_n(' ', columns - used - self.keys.len()));
                last.push_str(self.keys);
            }
        }
        shown.append(&mut rows);
        shown
    }
}

/// How much is said under the picture; `i` goes from each to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Overlay {
    /// The summary.
    #[default]
    Line,
    /// The details and the summary.
    Figures,
    /// Only the picture.
    Off,
}

impl Overlay {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Line => Self::Figures,
            Self::Figures => Self::Off,
            Self::Off => Self::Line,
        }
    }
}

/// Breaks a line at spaces into rows of at most `columns` characters; a longer word is cut.
fn wrapped(line: &str, columns: usize) -> Vec<String> {
    if columns == 0 {
        return Vec::new();
    }
    let mut rows = vec![String::new()];
    let mut used = 0;
    let mut space = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        let row = rows.last_mut().expect("there is a row from the start");
        if used + space + length <= columns {
            row.extend(std::iter::repeat_n(' ', space));
            row.push_str(word);
            used += space + length;
        } else if rows.len() < StatusLines::ROW_LIMIT {
            rows.push(word.chars().take(columns).collect());
            used = length.min(columns);
        }
        space = 1;
    }
    rows
}

const KEYS: &str = "i figures  q quit";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_keys_stand_at_the_right_where_there_is_room() {
        let rows = StatusLines::new("30 fps").rows(Overlay::Line, 30);
        assert_eq!(rows, ["30 fps       i figures  q quit"]);
        assert_eq!(StatusLines::new("30 fps").rows(Overlay::Line, 24), ["30 fps"]);
    }

    #[test]
    fn a_long_line_breaks_between_words() {
        assert_eq!(StatusLines::new("delay 34 ms rate 1.2").rows(Overlay::Line, 11), ["delay 34 ms", "rate 1.2"]);
    }

    #[test]
    fn spaces_that_align_figures_are_kept() {
        assert_eq!(StatusLines::new("  3.0 s   9 ms").rows(Overlay::Line, 20), ["  3.0 s   9 ms"]);
    }

    #[test]
    fn the_key_goes_from_the_line_to_the_figures_to_nothing_and_round() {
        let status = StatusLines { summary: "sum".into(), details: vec!["one".into(), "two".into()], keys: KEYS };
        let line = Overlay::default();
        assert_eq!(status.rows(line, 9), ["sum"]);
        assert_eq!(status.rows(line.next(), 9), ["one", "two", "sum"]);
        assert!(status.rows(line.next().next(), 9).is_empty());
        assert_eq!(line.next().next().next(), line);
    }

    #[test]
    fn a_thousand_details_leave_room_for_the_summary() {
        let status = StatusLines { summary: "sum".into(), details: vec!["a b c".into(); 1000], keys: KEYS };
        let rows = status.rows(Overlay::Figures, 3);
        assert_eq!(rows.len(), StatusLines::ROW_LIMIT);
        assert_eq!(rows.last().map(String::as_str), Some("sum"));
    }

    proptest! {
        #[test]
        fn no_row_is_too_wide(summary in ".{0,200}", detail in ".{0,80}", columns in 0usize..100) {
            let status = StatusLines { summary, details: vec![detail], keys: KEYS };
            let rows = status.rows(Overlay::Figures, columns);
            prop_assert!(rows.len() <= StatusLines::ROW_LIMIT);
            prop_assert!(rows.iter().all(|row| row.chars().count() <= columns));
        }
    }
}
