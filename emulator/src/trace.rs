//! When a link may deliver: mahimahi trace files, and traces made by rule.
//!
//! A trace file holds one decimal number of milliseconds a line, never decreasing. Each line is one *delivery
//! opportunity*; the same number several times is several opportunities in that millisecond. At its end the trace
//! starts over with every time moved on by its last one, so the last time is the period (mahimahi, `link_queue.cc`).

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Bytes that one opportunity stands for when a trace is turned into a rate or a capacity: a full IP packet.
pub const OPPORTUNITY_BYTES: u64 = 1500;

/// A looped schedule of delivery opportunities. Cheap to clone; never empty; its period is never zero.
#[derive(Clone, PartialEq, Eq)]
pub struct Trace {
    /// Milliseconds from the start of the trace, never decreasing; the last one is the period.
    times_ms: Arc<[u32]>,
}

/// Why something is not a trace. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceError {
    /// There is not a single line.
    NoLines,
    /// A line holds nothing.
    EmptyLine {
        /// Where.
        line: usize,
    },
    /// A line holds something other than decimal digits.
    NotANumber {
        /// Where.
        line: usize,
        /// The beginning of what stands there.
        text: String,
    },
    /// A time is earlier than the one on the line before.
    Decreasing {
        /// Where.
        line: usize,
        /// The time on that line, in milliseconds.
        time_ms: u32,
        /// The time on the line before, in milliseconds.
        before_ms: u32,
    },
    /// A time is later than [`MAX_TIME_MS`].
    TimeTooLarge {
        /// Where.
        line: usize,
    },
    /// The last time is 0, so that the trace would repeat without time going on.
    ZeroPeriod {
        /// Where.
        line: usize,
    },
    /// The trace has more than [`MAX_OPPORTUNITIES`] lines.
    TooManyOpportunities,
    /// A rate asked for is 0 or over [`MAX_BITS_PER_SECOND`].
    RateOutOfRange {
        /// The rate, in bits a second.
        bits_per_second: u64,
    },
    /// A length asked for is 0 or too long.
    LengthOutOfRange {
        /// The length, in milliseconds.
        length_ms: u64,
        /// The longest that is possible, in milliseconds.
        max_ms: u32,
    },
}

impl Trace {
    /// Reads a mahimahi trace file.
    ///
    /// Lines end in `\n`; the last one may lack it. A `\r` before it is taken off, which mahimahi does not do: a file
    /// that went through Windows says the same as before. Signs, spaces, fractions and comments are refused, and so is
    /// an empty line, at the end too.
    ///
    /// # Errors
    /// The first line that is wrong, and what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, TraceError> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if bytes.is_empty() {
            return Err(TraceError::NoLines);
        }
        let mut times_ms = Vec::new();
        let mut before_ms = 0;
        for (index, text) in bytes.split(|&byte| byte == b'\n').enumerate() {
            let line = index + 1;
            let time_ms = parse_line(text.strip_suffix(b"\r").unwrap_or(text), line)?;
            if time_ms < before_ms {
                return Err(TraceError::Decreasing { line, time_ms, before_ms });
            }
            if line > MAX_OPPORTUNITIES {
                return Err(TraceError::TooManyOpportunities);
            }
            before_ms = time_ms;
            times_ms.push(time_ms);
        }
        if before_ms == 0 {
            return Err(TraceError::ZeroPeriod { line: times_ms.len() });
        }
        Ok(Self { times_ms: times_ms.into() })
    }

    /// A link of one rate, as even as whole milliseconds allow: an opportunity stands at the end of the millisecond in
    /// which its last bit falls due. 12 000 000 gives the trace file that holds only `1`.
    ///
    /// # Errors
    /// [`TraceError::RateOutOfRange`].
    pub fn constant(bits_per_second: u64) -> Result<Self, TraceError> {
        if !(1..=MAX_BITS_PER_SECOND).contains(&bits_per_second) {
            return Err(TraceError::RateOutOfRange { bits_per_second });
        }
        // `lines` opportunities take exactly `period_ms`, unless the rate is so odd that this would be a long trace:
        // then the last opportunity is due a little before the period ends, which moves the rate by a millionth.
        let divisor = greatest_common_divisor(bits_per_second, OPPORTUNITY_BITS_MS);
        let mut lines = bits_per_second / divisor;
        let mut period_ms = OPPORTUNITY_BITS_MS / divisor;
        if lines > MAX_CONSTANT_LINES {
            period_ms = MAX_CONSTANT_LINES * OPPORTUNITY_BITS_MS / bits_per_second;
            lines = period_ms * bits_per_second / OPPORTUNITY_BITS_MS;
        }
        let due_ms = |line: u64| (line * period_ms).div_ceil(lines) as u32;
        Ok(Self::from_times((1..=lines).map(due_ms).collect()))
    }

    /// A link whose rate goes through `steps` of (bits a second, milliseconds) in turn, and then from the start again.
    /// A rate of 0 is an outage. What is not yet due at the end of a step carries over to the next, and the whole ends
    /// in an opportunity, for the format says so: after an outage at the very end, one comes at its last millisecond.
    ///
    /// # Errors
    /// [`TraceError::RateOutOfRange`] for a rate that is too high, [`TraceError::LengthOutOfRange`] for a sum of 0 or
    /// too many milliseconds, [`TraceError::TooManyOpportunities`].
    pub fn steps(steps: &[(u64, u64)]) -> Result<Self, TraceError> {
        let length_ms = steps.iter().fold(0_u64, |sum, &(_, length_ms)| sum.saturating_add(length_ms));
        if !(1..=u64::from(MAX_TIME_MS)).contains(&length_ms) {
            return Err(TraceError::LengthOutOfRange { length_ms, max_ms: MAX_TIME_MS });
        }
        let mut times_ms = Vec::new();
        let (mut start_ms, mut due) = (0, 0);
        for &(bits_per_second, step_ms) in steps {
            if bits_per_second > MAX_BITS_PER_SECOND {
                return Err(TraceError::RateOutOfRange { bits_per_second });
            }
            // In units of a thousandth of a bit, of which an opportunity has OPPORTUNITY_BITS_MS.
            let end = due + bits_per_second * step_ms;
            if end / OPPORTUNITY_BITS_MS > (MAX_OPPORTUNITIES - times_ms.len()) as u64 {
                return Err(TraceError::TooManyOpportunities);
            }
            for opportunity in 1..=end / OPPORTUNITY_BITS_MS {
                let wait_ms = (opportunity * OPPORTUNITY_BITS_MS - due).div_ceil(bits_per_second);
                times_ms.push((start_ms + wait_ms) as u32);
            }
            due = end % OPPORTUNITY_BITS_MS;
            start_ms += step_ms;
        }
        if times_ms.last().is_none_or(|&last_ms| u64::from(last_ms) < length_ms) {
            times_ms.push(length_ms as u32);
        }
        Ok(Self::from_times(times_ms))
    }

    /// From times that our own rules made, so that they are known to be in order and in range.
    pub(crate) fn from_times(times_ms: Vec<u32>) -> Self {
        assert!(times_ms.is_sorted(), "the times of a trace never decrease");
        assert!(times_ms.last().is_some_and(|&last_ms| last_ms > 0), "a trace takes time");
        Self { times_ms: times_ms.into() }
    }

    /// The text of this trace as a trace file.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.times_ms.iter().fold(String::new(), |mut text, time_ms| {
            text.push_str(&time_ms.to_string());
            text.push('\n');
            text
        })
    }

    /// After how many milliseconds the trace starts over. At least 1.
    #[must_use]
    pub fn period_ms(&self) -> u64 {
        self.times_ms.last().copied().map_or(1, u64::from)
    }

    /// How many opportunities one period has. At least 1.
    #[must_use]
    pub fn opportunities_per_period(&self) -> u64 {
        self.times_ms.len() as u64
    }

    /// The rate over a whole period, in bits a second, with opportunities of [`OPPORTUNITY_BYTES`].
    #[must_use]
    pub fn mean_bits_per_second(&self) -> f64 {
        (self.opportunities_per_period() * OPPORTUNITY_BITS_MS) as f64 / self.period_ms() as f64
    }

    /// The time of opportunity `index` of the looped trace, in milliseconds from the start of its first loop. Here and
    /// below what does not fit 64 bits is `u64::MAX`.
    #[must_use]
    pub fn time_ms(&self, index: u64) -> u64 {
        let lines = self.opportunities_per_period();
        let within = usize::try_from(index % lines).expect("an index into a slice fits");
        (index / lines).saturating_mul(self.period_ms()).saturating_add(u64::from(self.times_ms[within]))
    }

    /// How many opportunities of the looped trace come before `time_ms`, which is also the index of the first one that
    /// does not.
    #[must_use]
    pub fn opportunities_before(&self, time_ms: u64) -> u64 {
        let period_ms = self.period_ms();
        let (full_loops, rest_ms) = (time_ms / period_ms, time_ms % period_ms);
        let before = |limit_ms: u64| self.times_ms.partition_point(|&time_ms| u64::from(time_ms) < limit_ms) as u64;
        // A line at the period itself falls into the next loop's time, so the loop before may still be going on.
        match full_loops.checked_sub(1) {
            None => before(rest_ms),
            Some(past) => {
                let of_this_loop = before(period_ms + rest_ms) + before(rest_ms);
                past.saturating_mul(self.opportunities_per_period()).saturating_add(of_this_loop)
            }
        }
    }

    /// The times of all opportunities from `start_ms` on (taken modulo the period), in milliseconds after `start_ms`.
    /// Never ends.
    pub fn opportunities(&self, start_ms: u64) -> impl Iterator<Item = u64> + '_ {
        let start_ms = start_ms % self.period_ms();
        (self.opportunities_before(start_ms)..).map(move |index| self.time_ms(index) - start_ms)
    }

    /// How many opportunities fall into a window of the looped trace, in milliseconds; its end is not part of it.
    #[must_use]
    pub fn opportunities_in(&self, window_ms: Range<u64>) -> u64 {
        self.opportunities_before(window_ms.end).saturating_sub(self.opportunities_before(window_ms.start))
    }

    /// How many bytes a window of the looped trace can carry, with opportunities of [`OPPORTUNITY_BYTES`].
    #[must_use]
    pub fn capacity_bytes(&self, window_ms: Range<u64>) -> u64 {
        self.opportunities_in(window_ms).saturating_mul(OPPORTUNITY_BYTES)
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trace({} opportunities in {} ms)", self.times_ms.len(), self.period_ms())
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLines => write!(f, "no lines: a trace needs at least one time in milliseconds"),
            Self::EmptyLine { line } => write!(f, "line {line}: empty"),
            Self::NotANumber { line, text } => {
                write!(f, "line {line}: \"{text}\" is not a whole number of milliseconds")
            }
            Self::Decreasing { line, time_ms, before_ms } => {
                write!(f, "line {line}: {time_ms} ms comes before the {before_ms} ms of the line above")
            }
            Self::TimeTooLarge { line } => write!(f, "line {line}: over {MAX_TIME_MS} ms"),
            Self::ZeroPeriod { line } => {
                write!(f, "line {line}: the last time is 0, but a trace must last longer than 0 ms")
            }
            Self::TooManyOpportunities => write!(f, "over {MAX_OPPORTUNITIES} opportunities"),
            Self::RateOutOfRange { bits_per_second } => {
                write!(f, "a rate of {bits_per_second} bit/s is not in 1..={MAX_BITS_PER_SECOND}")
            }
            Self::LengthOutOfRange { length_ms, max_ms } => {
                write!(f, "a length of {length_ms} ms is not in 1..={max_ms}")
            }
        }
    }
}

impl std::error::Error for TraceError {}

fn parse_line(text: &[u8], line: usize) -> Result<u32, TraceError> {
    if text.is_empty() {
        return Err(TraceError::EmptyLine { line });
    }
    if !text.iter().all(u8::is_ascii_digit) {
        let shown = &text[..text.len().min(MAX_SHOWN_BYTES)];
        let text = String::from_utf8_lossy(shown).escape_debug().to_string();
        return Err(TraceError::NotANumber { line, text });
    }
    text.iter()
        .try_fold(0_u32, |value, &digit| value.checked_mul(10)?.checked_add(u32::from(digit - b'0')))
        .filter(|&time_ms| time_ms <= MAX_TIME_MS)
        .ok_or(TraceError::TimeTooLarge { line })
}

fn greatest_common_divisor(mut larger: u64, mut smaller: u64) -> u64 {
    while smaller != 0 {
        (larger, smaller) = (smaller, larger % smaller);
    }
    larger
}

/// Bits of an opportunity times the milliseconds of a second, so that rates in bit/s and times in ms meet in integers.
const OPPORTUNITY_BITS_MS: u64 = OPPORTUNITY_BYTES * 8 * 1000;

/// The latest time a trace may name: 30 days, of which no recording comes near. Times fit 32 bits.
pub const MAX_TIME_MS: u32 = 30 * 24 * 3600 * 1000;

/// The most lines a trace may have: 64 MiB in memory, an hour at 55 Mbit/s.
pub const MAX_OPPORTUNITIES: usize = 1 << 24;

/// The highest rate a trace can be made with: 100 Gbit/s, over 8000 opportunities each millisecond.
pub const MAX_BITS_PER_SECOND: u64 = 100_000_000_000;

/// How long a constant trace may get before its period is rounded: short enough to be made in an instant.
const MAX_CONSTANT_LINES: u64 = 1 << 20;

/// How much of a bad line an error shows.
const MAX_SHOWN_BYTES: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn trace(text: &str) -> Trace {
        Trace::parse(text.as_bytes()).unwrap()
    }

    fn first_ms(trace: &Trace, start_ms: u64, count: usize) -> Vec<u64> {
        trace.opportunities(start_ms).take(count).collect()
    }

    #[test]
    fn the_end_of_a_trace_is_the_start_of_the_next_loop() {
        assert_eq!(first_ms(&trace("2\n3\n3\n7\n"), 0, 10), [2, 3, 3, 7, 9, 10, 10, 14, 16, 17]);
        assert_eq!(first_ms(&trace("1"), 0, 4), [1, 2, 3, 4]);
    }

    #[test]
    fn a_trace_that_starts_at_zero_meets_its_own_end() {
        assert_eq!(first_ms(&trace("0\n4\n"), 0, 6), [0, 4, 4, 8, 8, 12]);
    }

    #[test]
    fn a_start_offset_is_taken_modulo_the_period_and_keeps_what_falls_on_it() {
        let trace = trace("2\n3\n3\n7\n");
        assert_eq!(first_ms(&trace, 3, 4), [0, 0, 4, 6]);
        assert_eq!(first_ms(&trace, 3 + 7 * 5, 4), [0, 0, 4, 6]);
        assert_eq!(first_ms(&trace, 7, 2), [2, 3]);
    }

    #[test]
    fn windows_count_their_start_and_not_their_end() {
        let trace = trace("0\n3\n3\n7\n"); // 0 3 3 7 | 7 10 10 14 | 14 …
        assert_eq!(trace.opportunities_in(0..3), 1);
        assert_eq!(trace.opportunities_in(0..4), 3);
        assert_eq!(trace.opportunities_in(7..8), 2);
        assert_eq!(trace.opportunities_in(4..15), 6);
        assert_eq!(trace.opportunities_in(7..7), 0);
        assert_eq!(trace.capacity_bytes(0..7), 4500);
    }

    #[test]
    fn windows_style_line_ends_and_a_missing_last_one_are_accepted() {
        assert_eq!(trace("1\r\n2\r\n"), trace("1\n2"));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_line() {
        let error = |text: &str| Trace::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error(""), TraceError::NoLines);
        assert_eq!(error("\n"), TraceError::NoLines);
        assert_eq!(error("1\n\n2\n"), TraceError::EmptyLine { line: 2 });
        assert_eq!(error("1\n2\n\n"), TraceError::EmptyLine { line: 3 });
        assert_eq!(error("1\nx2\n"), TraceError::NotANumber { line: 2, text: "x2".into() });
        assert_eq!(error("-1\n"), TraceError::NotANumber { line: 1, text: "-1".into() });
        assert_eq!(error("1.5\n"), TraceError::NotANumber { line: 1, text: "1.5".into() });
        assert_eq!(error("1\r\r\n"), TraceError::NotANumber { line: 1, text: "1\\r".into() });
        assert_eq!(error("5\n4\n"), TraceError::Decreasing { line: 2, time_ms: 4, before_ms: 5 });
        assert_eq!(error("0\n0\n"), TraceError::ZeroPeriod { line: 2 });
        assert_eq!(error("1\n99999999999\n"), TraceError::TimeTooLarge { line: 2 });
        assert_eq!(error("2592000001\n"), TraceError::TimeTooLarge { line: 1 });
        assert!(Trace::parse(b"2592000000\n").is_ok());
        assert_eq!(error("5\n4\n").to_string(), "line 2: 4 ms comes before the 5 ms of the line above");
    }

    #[test]
    fn a_file_at_the_limit_is_read_and_one_line_more_is_not() {
        let mut text = b"1\n".repeat(MAX_OPPORTUNITIES);
        assert_eq!(Trace::parse(&text).unwrap().opportunities_per_period(), MAX_OPPORTUNITIES as u64);
        text.extend_from_slice(b"1\n");
        assert_eq!(Trace::parse(&text), Err(TraceError::TooManyOpportunities));
    }

    #[test]
    fn a_constant_rate_is_even_and_exact() {
        assert_eq!(Trace::constant(12_000_000).unwrap(), trace("1\n"));
        assert_eq!(Trace::constant(24_000_000).unwrap(), trace("1\n1\n"));
        assert_eq!(Trace::constant(5_000_000).unwrap(), trace("3\n5\n8\n10\n12\n"));
        assert_eq!(Trace::constant(0), Err(TraceError::RateOutOfRange { bits_per_second: 0 }));
        assert!(Trace::constant(MAX_BITS_PER_SECOND + 1).is_err());
    }

    #[test]
    fn steps_fall_rise_and_pause() {
        // 6 Mbit/s for 4 ms, nothing for 10 ms, 12 Mbit/s for 2 ms.
        assert_eq!(Trace::steps(&[(6_000_000, 4), (0, 10), (12_000_000, 2)]).unwrap(), trace("2\n4\n15\n16\n"));
        // Half an opportunity is due when the rate doubles.
        assert_eq!(Trace::steps(&[(6_000_000, 3), (12_000_000, 2)]).unwrap(), trace("2\n4\n5\n"));
        assert_eq!(Trace::steps(&[(12_000_000, 1), (0, 99)]).unwrap(), trace("1\n100\n"));
        assert_eq!(Trace::steps(&[]), Err(TraceError::LengthOutOfRange { length_ms: 0, max_ms: MAX_TIME_MS }));
        assert_eq!(Trace::steps(&[(MAX_BITS_PER_SECOND, 3_600_000)]), Err(TraceError::TooManyOpportunities));
    }

    fn any_trace() -> impl Strategy<Value = Trace> {
        (proptest::collection::vec(0_u32..6, 0..30), 1_u32..6).prop_map(|(steps, last)| {
            let times = steps.into_iter().chain([last]).scan(0, |time_ms, step| {
                *time_ms += step;
                Some(*time_ms)
            });
            Trace::from_times(times.collect())
        })
    }

    proptest! {
        #[test]
        fn a_trace_survives_being_written_and_read(trace in any_trace()) {
            prop_assert_eq!(Trace::parse(trace.to_text().as_bytes()), Ok(trace));
        }

        #[test]
        fn counting_agrees_with_walking(trace in any_trace(), time_ms in 0_u64..500) {
            let walked = trace.opportunities(0).take_while(|&at_ms| at_ms < time_ms).count() as u64;
            prop_assert_eq!(trace.opportunities_before(time_ms), walked);
        }

        #[test]
        fn from_any_start_the_rest_of_the_loop_follows(trace in any_trace(), start_ms in 0_u64..500) {
            let start_ms = start_ms % trace.period_ms();
            let whole: Vec<u64> = trace.opportunities(0).filter(|&at_ms| at_ms >= start_ms).take(50).collect();
            let shifted: Vec<u64> = trace.opportunities(start_ms).take(50).map(|at_ms| at_ms + start_ms).collect();
            prop_assert_eq!(whole, shifted);
        }

        #[test]
        fn a_constant_rate_is_what_was_asked_for(bits_per_second in 1_u64..2_000_000_000) {
            let mean = Trace::constant(bits_per_second).unwrap().mean_bits_per_second();
            prop_assert!((mean / bits_per_second as f64 - 1.0).abs() < 2e-6, "{mean}");
        }

        #[test]
        fn any_bytes_give_a_trace_or_an_error(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), b'0'..=b'9', any::<u8>()], 0..60)) {
            if let Ok(trace) = Trace::parse(&bytes) {
                prop_assert!(trace.period_ms() > 0);
            }
        }
    }
}
