//! Logs as comma-separated values: one row a frame and direction (CLI.md, `--log`), and the Salsify testbed's files.

use std::fmt::{Display, Write};

use oyster_codec::quality::ssim_db;

use crate::metrics::{CapturedFrame, Choice, Run};

/// Which way a frame went, seen from the end that writes the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Captured here.
    Out,
    /// Captured at the other end.
    In,
}

/// The first line of a frame log.
pub const FRAME_LOG_HEADER: &str = "direction,frame,captured_us,encode_start_us,encoded_us,sent_us,received_us,decoded_us,\
    shown_us,bytes,quantizer,choice,source_state,target_state,ssim_y_db,psnr_y_db,coded_size\n";

/// A whole frame log: for each frame a row of the end that captured it and, if it arrived, one of the end that got it.
pub fn frame_log(frames: &[CapturedFrame]) -> String {
    let mut log = FRAME_LOG_HEADER.to_owned();
    for frame in frames {
        let captured_us = Some(frame.captured_us);
        log.push_str(&frame_log_row(Direction::Out, captured_us, frame));
        if frame.received_us.is_some() {
            log.push_str(&frame_log_row(Direction::In, captured_us, frame));
        }
    }
    log
}

/// One row, with its newline; fields that this end cannot know, or that never came to be, are empty. `captured_us` stands
/// in place of the frame's: an end that did not capture it may not know.
pub fn frame_log_row(direction: Direction, captured_us: Option<u64>, frame: &CapturedFrame) -> String {
    let out = direction == Direction::Out;
    let sender = |value: Option<u64>| field(value.filter(|_| out));
    let receiver = |value: Option<u64>| field(value.filter(|_| !out));
    let fields = [
        if out { "out" } else { "in" }.to_owned(),
        frame.number.to_string(),
        field(captured_us),
        sender(frame.encode_start_us),
        sender(frame.encoded_us),
        sender(frame.sent_us),
        receiver(frame.received_us),
        receiver(frame.decoded_us),
        receiver(frame.shown_us),
        field(frame.bytes),
        field(frame.quantizer),
        field(frame.choice.map(Choice::name).filter(|_| out)),
        field(frame.source_state.as_deref()),
        field(frame.target_state.as_deref()),
        field(frame.ssim_y.filter(|_| !out).map(|ssim_y| format!("{:.4}", ssim_db(ssim_y)))),
        field(frame.psnr_y_db.filter(|_| !out).map(|psnr_db| format!("{psnr_db:.4}"))),
        field(frame.coded_size),
    ];
    fields.join(",") + "\n"
}

/// The Salsify testbed's `analysis.csv`: a row a shown frame. Its `aggregate-stats.py` reads it beside [`playback_csv`]
/// of the same run (and takes 66.733 ms off every delay, the testbed's own: set `INVARIANT_DELAY` there to 0).
///
/// Both of its clocks are the run's. Pictures that were overtaken on the way to the screen are left out, as its capture
/// card would not have told them apart; SSIM other than luma's is not measured here and is `nan`.
pub fn analysis_csv(run: &Run) -> String {
    let mut csv = "# frame_index,sent_cpu_timestamp,received_cpu_timestamp,delay_cpu_time,sent_decklink_timestamp,\
        received_decklink_time,delay_decklink_time,ssim_total,ssim_Y,ssim_Cb,ssim_Cr\n"
        .to_owned();
    let mut newest_us = 0;
    for (index, frame) in run.frames.iter().enumerate() {
        let (Some(shown_us), Some(ssim_y)) = (run.shown_us(frame), frame.ssim_y) else { continue };
        if shown_us < newest_us {
            continue;
        }
        newest_us = shown_us;
        let (sent_us, delay_us) = (frame.captured_us, shown_us.saturating_sub(frame.captured_us));
        let times = format!("{sent_us},{shown_us},{delay_us}");
        let ssim_db = ssim_db(ssim_y).clamp(0.0, PERFECT_DB);
        writeln!(csv, "{index},{times},{times},nan,{ssim_db:.6},nan,nan").expect("a string takes every line");
    }
    csv
}

/// The Salsify testbed's `playback.csv`: a row for every captured frame, its number standing in for both barcodes.
pub fn playback_csv(run: &Run) -> String {
    let mut csv =
        "# frame_index,upper_left_barcode,lower_right_barcode,cpu_timestamp,,,,decklink_timestamp\n".to_owned();
    for (index, frame) in run.frames.iter().enumerate() {
        let at_us = frame.captured_us;
        writeln!(csv, "{index},{index},{index},{at_us},0,0,0,{at_us}").expect("a string takes every line");
    }
    csv
}

fn field(value: Option<impl Display>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// The paper's script asks for an SSIM below 1, which 90 dB is.
const PERFECT_DB: f64 = 90.0;

#[cfg(test)]
mod tests {
    use super::*;
    use oyster_codec::Size;

    fn frame() -> CapturedFrame {
        CapturedFrame {
            number: 7,
            captured_us: 100,
            encode_start_us: Some(101),
            encoded_us: Some(102),
            sent_us: Some(103),
            received_us: Some(104),
            decode_start_us: Some(104),
            decoded_us: Some(105),
            shown_us: Some(106),
            bytes: Some(900),
            quantizer: Some(40),
            choice: Some(Choice::Coarse),
            source_state: Some("aa".to_owned()),
            target_state: Some("bb".to_owned()),
            ssim_y: Some(0.9),
            psnr_y_db: Some(35.5),
            coded_size: Size::new(64, 36).ok(),
        }
    }

    #[test]
    fn each_end_fills_what_it_knows() {
        let log = frame_log(&[frame()]);
        let rows: Vec<&str> = log.lines().skip(1).collect();
        assert_eq!(
            rows,
            [
                "out,7,100,101,102,103,,,,900,40,coarse,aa,bb,,,64x36",
                "in,7,100,,,,104,105,106,900,40,,aa,bb,10.0000,35.5000,64x36"
            ]
        );
    }

    #[test]
    fn a_skipped_frame_is_a_row_with_holes() {
        let frame = CapturedFrame { number: 3, captured_us: 5, choice: Some(Choice::Skip), ..Default::default() };
        assert_eq!(frame_log(&[frame]).lines().nth(1), Some("out,3,5,,,,,,,,,skip,,,,,"));
    }

    #[test]
    fn every_row_has_the_columns_of_its_header() {
        let columns = |line: &str| line.split(',').count();
        let log = frame_log(&[frame(), CapturedFrame::default()]);
        assert!(log.lines().all(|line| columns(line) == columns(FRAME_LOG_HEADER)), "{log}");
    }

    #[test]
    fn the_papers_script_finds_what_it_asserts() {
        let mut frames = [frame(), frame(), frame(), frame()];
        for (frame, shown_us) in frames.iter_mut().zip([Some(200), None, Some(150), Some(300)]) {
            frame.shown_us = shown_us;
        }
        frames[3].ssim_y = Some(1.0);
        let run = Run { frames: &frames, starts_us: 0, ends_us: 1_000, link: None, bound_b1_p95_ms: None };
        let analysis = analysis_csv(&run);
        let rows: Vec<&str> = analysis.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            rows,
            ["0,100,200,100,100,200,100,nan,10.000000,nan,nan", "3,100,300,200,100,300,200,nan,90.000000,nan,nan"]
        );
        let playback = playback_csv(&run);
        assert_eq!(playback.lines().nth(4), Some("3,3,3,100,0,0,0,100"));
    }
}
