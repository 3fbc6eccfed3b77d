//! What a run leaves behind for people and their scripts, as text: CSV logs and SVG drawings. The caller writes files.
//!
//! The drawings are made by a small writer of our own: a few marks and axes are all they need, the text is the same
//! byte for byte on every machine, and the crate that would have been used (plotters) has stood still since 2024.

mod bins;
mod csv;
mod scatter;
mod svg;
mod table;
mod time_series;

pub use bins::kbps_in_bins;
pub use csv::{Direction, FRAME_LOG_HEADER, analysis_csv, frame_log, frame_log_row, playback_csv};
pub use scatter::{Outcome, delay_against_quality};
pub use svg::{Anchor, Drawing, INK, INK_SOFT, Style};
pub use table::{Row, Standing, outcomes_beside, rows_csv, rows_markdown, standings};
pub use time_series::{BIN_US, TimeSeries, time_series};
