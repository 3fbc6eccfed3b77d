//! The log of calls: a row a frame and direction, written as frames are done with, the file whole at the end.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use oyster_call::{Clock, Happening, NewFile};
use oyster_experiments::metrics::{CapturedFrame, Choice};
use oyster_experiments::report::{Direction, FRAME_LOG_HEADER, frame_log_row};
use oyster_sender::Decision;
use oyster_signalling::Label;

use crate::files::{self, writing};

/// A log that is being written; perhaps nowhere.
#[derive(Debug)]
pub(crate) struct CallLog {
    file: Option<(NewFile, BufWriter<File>, String)>,
    clock: Clock,
    /// Frames that may still change, oldest first.
    out: VecDeque<CapturedFrame>,
    incoming: VecDeque<Incoming>,
}

/// A frame of the other end.
#[derive(Debug)]
struct Incoming {
    frame: u32,
    label: Label,
    record: CapturedFrame,
}

impl CallLog {
    /// Begins `path`, if there is to be one.
    pub(crate) fn create(path: Option<&Path>) -> Result<Self> {
        let mut log = Self { file: None, clock: Clock::start(), out: VecDeque::new(), incoming: VecDeque::new() };
        if let Some(path) = path {
            let (file, mut output) = files::create(path)?;
            output.write_all(FRAME_LOG_HEADER.as_bytes()).with_context(|| writing(path))?;
            log.file = Some((file, output, writing(path)));
        }
        Ok(log)
    }

    /// A call begins whose clock this is.
    pub(crate) fn begin(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Something happened at `at`. `offset_us`: the other end's clock minus ours, if it is known.
    pub(crate) fn take(
        &mut self,
        at: Duration,
        happening: &Happening,
        label: Option<Label>,
        offset_us: Option<i64>,
    ) -> Result<()> {
        if self.file.is_none() {
            return Ok(());
        }
        let at_us = Some(self.clock.unix_us(at));
        match happening {
            Happening::Captured { capture, .. } => {
                self.out.push_back(CapturedFrame {
                    number: *capture,
                    captured_us: self.clock.unix_us(at),
                    ..CapturedFrame::default()
                });
            }
            Happening::EncodeStarted { capture } => {
                if let Some(record) = self.captured(*capture) {
                    record.encode_start_us = at_us;
                }
            }
            Happening::Decided { decision, .. } => self.decided(decision, at_us),
            Happening::Received { frame, received_at, bytes, source, target } => {
                if let Some(label) = label {
                    let record = CapturedFrame {
                        number: label.capture.into(),
                        received_us: Some(self.clock.unix_us(*received_at)),
                        decode_start_us: at_us,
                        bytes: Some(*bytes as u64),
                        source_state: Some(source.to_string()),
                        target_state: Some(target.to_string()),
                        ..CapturedFrame::default()
                    };
                    self.incoming.push_back(Incoming { frame: frame.0, label, record });
                }
            }
            Happening::Decoded { frame } => {
                if let Some(record) = self.received(frame.0) {
                    record.decoded_us = at_us;
                }
            }
            Happening::Ready(shown) => {
                if let Some(record) = self.received(shown.frame.0) {
                    record.coded_size = Some(shown.picture.size());
                }
            }
        }
        self.write(WAITING_FRAMES, offset_us)
    }

    /// A picture of the other end was handed to the display.
    pub(crate) fn shown(&mut self, frame: u32, at: Duration) {
        let at_us = self.clock.unix_us(at);
        if let Some(record) = self.received(frame) {
            record.shown_us = Some(at_us);
        }
    }

    /// The call is over: all its rows are written.
    pub(crate) fn end(&mut self, offset_us: Option<i64>) -> Result<()> {
        self.write(0, offset_us)
    }

    /// Gives the file its name.
    pub(crate) fn commit(self) -> Result<()> {
        match self.file {
            Some((file, mut output, writing)) => {
                output.flush().with_context(|| writing.clone())?;
                file.commit().context(writing)
            }
            None => Ok(()),
        }
    }

    fn captured(&mut self, capture: u64) -> Option<&mut CapturedFrame> {
        self.out.iter_mut().rev().find(|record| record.number == capture)
    }

    fn received(&mut self, frame: u32) -> Option<&mut CapturedFrame> {
        self.incoming.iter_mut().rev().find(|incoming| incoming.frame == frame).map(|incoming| &mut incoming.record)
    }

    fn decided(&mut self, decision: &Decision, at_us: Option<u64>) {
        let Some(record) = self.captured(decision.capture) else { return };
        record.encoded_us = at_us;
        record.choice = Some(Choice::from(decision.choice));
        if let Some(sent) = &decision.sent {
            record.sent_us = at_us;
            record.bytes = Some(sent.bytes as u64);
            record.quantizer = Some(sent.quantizer.value());
            record.coded_size = Some(sent.coded_size);
            record.source_state = Some(sent.source.to_string());
            record.target_state = Some(sent.target.to_string());
        }
    }

    /// Writes the oldest frames, all but so many of each direction.
    fn write(&mut self, keep: usize, offset_us: Option<i64>) -> Result<()> {
        let Some((_, output, writing)) = &mut self.file else { return Ok(()) };
        let mut rows = String::new();
        while self.out.len() > keep
            && let Some(record) = self.out.pop_front()
        {
            rows += &frame_log_row(Direction::Out, Some(record.captured_us), &record);
        }
        while self.incoming.len() > keep
            && let Some(Incoming { label, record, .. }) = self.incoming.pop_front()
        {
            let here_us = offset_us.map(|offset_us| label.captured_us() - offset_us);
            let captured_us = here_us.map(|us| self.clock.unix_us(Duration::ZERO).saturating_add_signed(us));
            rows += &frame_log_row(Direction::In, captured_us, &record);
        }
        output.write_all(rows.as_bytes()).with_context(|| writing.clone())
    }
}

/// Frames of each direction that are kept until nothing more happens to them: two seconds.
const WAITING_FRAMES: usize = 64;
