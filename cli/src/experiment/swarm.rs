//! `oyster experiment swarm`.

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use oyster_experiments::swarm::{Finding, Outcome, Peers, SHORTEST, Swarm};
use serde::Serialize;

use crate::progress::Progress;
use crate::values::{JsonOutput, seconds, thread_count};
use crate::words;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which calls: from a seed up to but not including another, or a single seed, whose troubles are then told
    #[arg(long, value_name = "A..B|N", default_value = "0..1000", value_parser = seeds, allow_negative_numbers = true)]
    seeds: Range<u64>,
    /// How long each call lasts in virtual time, at least 20
    #[arg(long, value_name = "N", default_value = "60", value_parser = seconds, allow_negative_numbers = true)]
    seconds: Duration,
    /// How many calls are played at once
    #[arg(long, value_name = "N", default_value = "1", value_parser = thread_count, allow_negative_numbers = true)]
    threads: NonZero<usize>,
    /// Let one call live through the troubles of all seeds, one after the other, and watch its memory
    #[arg(long, conflicts_with = "threads")]
    one_call: bool,
    #[command(flatten)]
    json: JsonOutput,
}

#[derive(Debug, Default, Serialize)]
struct Figures {
    calls: u64,
    captured: u64,
    shown: u64,
    /// Of the calls' delays in the fair weather at their ends (each its 95th percentile): the median and the worst.
    recovered_delay_p50_ms: Option<f64>,
    recovered_delay_max_ms: Option<f64>,
    /// Of one call: the memory of this process after every sixtieth seed, where the system tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resident_kib: Vec<u64>,
    findings: Vec<Found>,
}

#[derive(Debug, Serialize)]
struct Found {
    seed: u64,
    at_ms: f64,
    what: String,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.parse::<u64>().ok();
    let range = match text.split_once("..") {
        Some((first, end)) => number(first).zip(number(end)).map(|(first, end)| first..end),
        None => number(text).and_then(|seed| Some(seed..seed.checked_add(1)?)),
    };
    range
        .filter(|range| !range.is_empty())
        .ok_or_else(|| "seeds are written A..B, as in 0..1000, or are one number".to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    arguments.json.expected()?;
    if arguments.seconds < SHORTEST {
        bail!(crate::fault::BadArgument(format!("a call of the swarm lasts at least {} s", SHORTEST.as_secs())));
    }
    let swarm = Swarm::new(arguments.seconds);
    if arguments.seeds.end - arguments.seeds.start == 1 {
        words::tell(&swarm.describe(arguments.seeds.start));
    }
    let (figures, delays) = if arguments.one_call { play_on(&swarm, arguments) } else { play(&swarm, arguments) };
    sum_up(arguments, figures, delays)
}

/// A call a seed.
fn play(swarm: &Swarm, arguments: &Arguments) -> (Figures, Vec<f64>) {
    let next = AtomicU64::new(arguments.seeds.start);
    let tally = Mutex::new((Figures::default(), Vec::new(), Progress::of("calls")));
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.get() {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !arguments.seeds.contains(&seed) {
                        return;
                    }
                    let played = swarm.play(seed);
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    let (figures, delays, progress) = &mut *tally;
                    figures.add(seed, played, delays);
                    progress.tell(figures.calls);
                }
            });
        }
    });
    let (figures, delays, _) = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    (figures, delays)
}

/// One call.
fn play_on(swarm: &Swarm, arguments: &Arguments) -> (Figures, Vec<f64>) {
    let (mut figures, mut delays, mut progress) = (Figures::default(), Vec::new(), Progress::of("minutes"));
    let mut peers: Option<Peers> = None;
    for seed in arguments.seeds.clone() {
        figures.add(seed, swarm.play_on(seed, &mut peers), &mut delays);
        progress.tell(figures.calls);
        if figures.calls.is_multiple_of(LOOK_EVERY) {
            figures.resident_kib.extend(resident_kib());
        }
    }
    (figures, delays)
}

/// The memory of this process.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

fn sum_up(arguments: &Arguments, mut figures: Figures, delays: Vec<f64>) -> Result<()> {
    figures.sum_up(delays);
    arguments.json.write_or_print(&figures, Figures::words)?;
    if let ([first, .., last], true) = (&figures.resident_kib[..], arguments.one_call)
        && *last as f64 > *first as f64 * (1.0 + GROWTH)
    {
        bail!("memory grew from {first} to {last} KiB");
    }
    match figures.findings.len() {
        0 => Ok(()),
        count => bail!("{count} of {} calls went wrong; play one again with --seeds SEED", figures.calls),
    }
}

/// Seeds between two looks at the memory of one call: an hour of it, where each takes a minute.
const LOOK_EVERY: u64 = 60;
/// What it may grow.
const GROWTH: f64 = 0.05;

impl Figures {
    fn add(&mut self, seed: u64, played: Result<Outcome, Finding>, delays: &mut Vec<f64>) {
        self.calls += 1;
        match played {
            Ok(outcome) => {
                self.captured += outcome.captured;
                self.shown += outcome.shown;
                delays.push(outcome.delay_p95_ms);
            }
            Err(Finding { at, what }) => {
                self.findings.push(Found { seed, at_ms: at.as_secs_f64() * 1000.0, what });
            }
        }
    }

    fn sum_up(&mut self, mut delays: Vec<f64>) {
        delays.sort_by(f64::total_cmp);
        self.recovered_delay_p50_ms = delays.get(delays.len() / 2).copied();
        self.recovered_delay_max_ms = delays.last().copied();
        self.findings.sort_by_key(|found| found.seed);
    }

    fn words(&self) -> String {
        let found = self
            .findings
            .iter()
            .map(|found| format!("seed {}: at {:.3} s: {}\n", found.seed, found.at_ms / 1000.0, found.what));
        let delays = self.recovered_delay_p50_ms.zip(self.recovered_delay_max_ms);
        let delays = delays.map_or_else(String::new, |(median, most)| {
            format!("delay after the last trouble: median {median:.0} ms, at most {most:.0} ms\n")
        });
        let resident = self.resident_kib.first().zip(self.resident_kib.last());
        let resident = resident.map_or_else(String::new, |(first, last)| {
            format!("memory {first} KiB after {LOOK_EVERY} of them, {last} KiB at the end\n")
        });
        format!(
            "{}{} calls, {} pictures of {} shown; {} findings\n{delays}{resident}",
            found.collect::<String>(),
            self.calls,
            self.shown,
            self.captured,
            self.findings.len(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_range_or_one() {
        assert_eq!(seeds("3..7"), Ok(3..7));
        assert_eq!(seeds("3"), Ok(3..4));
        for text in ["", "..", "7..3", "3..3", "-1..3", "18446744073709551615", "a..b"] {
            assert!(seeds(text).is_err(), "{text}");
        }
    }
}
