//! `oyster experiment compare`: clips times links times profiles, in virtual time. What is done is kept in a folder a run,
//! and not done again, so that it can be stopped at any time and gone on with; but only by the same build of this program.

use std::collections::BTreeSet;
use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use oyster_experiments::report::{Row, delay_against_quality, outcomes_beside, rows_csv, rows_markdown, standings};
use oyster_experiments::{Clip, Cost, Scenario};
use oyster_sender::Encoding;
use oyster_thunks::Digest;
use serde::Serialize;
use serde_json::{Value, json};

use super::conditions::{Conditions, cost, stopwatch};
use crate::fault::BadArgument;
use crate::files::{self, expect_folder, read_trace};
use crate::report;
use crate::values::{DelayCeiling, JsonOutput, ProfileName};
use crate::words;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What the camera sees: y4m clips, or folders of them
    #[arg(long, value_name = "FILE|DIR", required = true, value_delimiter = ',')]
    clip: Vec<PathBuf>,
    /// The links media cross: mahimahi traces, each with `:MS` behind it if it is to begin there, or folders of them
    #[arg(long, value_name = "TRACE[:MS]|DIR", required = true, value_delimiter = ',')]
    links: Vec<String>,
    /// Which senders
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "oyster,classic,conventional")]
    profiles: Vec<ProfileName>,
    /// The profile that the others are held against
    #[arg(long, value_name = "NAME", default_value = "classic")]
    baseline: ProfileName,
    /// The folder of all that comes of it; runs that are in it already are not run again
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    conditions: Conditions,
    #[command(flatten)]
    ceiling: DelayCeiling,
    /// What encoding a frame costs in virtual time
    #[arg(long, value_name = "measured|MS", default_value = "10", value_parser = cost, allow_negative_numbers = true)]
    encode_cost: Cost,
    /// What decoding a frame costs in virtual time
    #[arg(long, value_name = "measured|MS", default_value = "3", value_parser = cost, allow_negative_numbers = true)]
    decode_cost: Cost,
    /// Runs at once
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(1..=64))]
    jobs: u64,
    #[command(flatten)]
    json: JsonOutput,
}

/// A trace, and where on it runs begin.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    path: PathBuf,
    start_ms: u64,
}

/// What all runs have in common.
#[derive(Debug)]
struct Campaign<'a> {
    arguments: &'a Arguments,
    /// Their folders are here.
    runs: PathBuf,
    /// The hash of this program.
    build: String,
}

/// One run to be made, or made already.
#[derive(Clone, Copy, Debug)]
struct Job<'a> {
    clip: &'a Path,
    place: &'a Place,
    profile: ProfileName,
}

/// All rows and what they come to, as `--json` and `table.json` give them.
#[derive(Debug, Serialize)]
struct Comparison {
    baseline: String,
    rows: Vec<Row>,
    standings: Vec<oyster_experiments::report::Standing>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    arguments.json.expected()?;
    let clips = clips(&arguments.clip)?;
    let places = places(&arguments.links)?;
    let jobs_of = |clip| {
        let places = places.iter();
        places.flat_map(move |place| arguments.profiles.iter().map(move |&profile| Job { clip, place, profile }))
    };
    let campaign = Campaign { arguments, runs: arguments.output.join("runs"), build: build()? };
    expect_folder(&campaign.runs)?;
    for job in clips.iter().flat_map(|clip| jobs_of(clip)) {
        campaign.kept(&job)?; // an error is better known before the work
    }
    let mut rows = Vec::new();
    let total = clips.len() * places.len() * arguments.profiles.len();
    for clip in &clips {
        let jobs: Vec<Job<'_>> = jobs_of(clip).collect();
        rows.extend(play_clip(&campaign, &jobs, rows.len(), total)?);
        write_tables(arguments, &rows)?;
    }
    let baseline = arguments.baseline.name();
    let comparison = Comparison { standings: standings(&rows, &baseline), baseline, rows };
    arguments.json.write_or_print(&comparison, |comparison| rows_markdown(&comparison.rows, &comparison.baseline))
}

/// The runs of one clip, which is held in memory once, `--jobs` at a time, in the order of the jobs.
fn play_clip(campaign: &Campaign<'_>, jobs: &[Job<'_>], done: usize, total: usize) -> Result<Vec<Row>> {
    let clip = Mutex::new(None);
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<Row>>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let place = jobs.iter().position(|other| std::ptr::eq(other, job)).unwrap_or_default();
            let row = campaign.row(job, &clip);
            let failed = row.is_err();
            let about = format!("{} of {total}: {}", done + place + 1, job.name());
            let words = match &row {
                Ok(row) => format!(
                    "{about}: p95 {:.0} ms, {:.2} dB\n",
                    row.p95_ms.unwrap_or(f64::NAN),
                    row.ssim_y_db.unwrap_or(f64::NAN)
                ),
                Err(_) => format!("{about}: failed\n"),
            };
            if stderr().is_terminal() {
                words::tell(&words);
            }
            if let Ok(mut result) = results[place].lock() {
                *result = Some(row);
            }
            if failed {
                next.store(jobs.len(), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..campaign.arguments.jobs {
            scope.spawn(work);
        }
    });
    let result = |result: Mutex<Option<Result<Row>>>| result.into_inner().ok().flatten();
    results.into_iter().filter_map(result).collect()
}

impl Campaign<'_> {
    /// A run's row: of the run made before, else of one made now.
    fn row(&self, job: &Job<'_>, clip: &Mutex<Option<(Clip, f64)>>) -> Result<Row> {
        if let Some(figures) = self.kept(job)? {
            return Ok(job.row(&figures));
        }
        let (clip, frames_per_second) = shared_clip(self.arguments, job.clip, clip)?;
        let scenario = job.scenario(self.arguments, clip, frames_per_second)?;
        let run = oyster_experiments::run(&scenario, &mut |work| stopwatch(work))?;
        let recording = run.record.finish(&scenario.link, Duration::ZERO, scenario.duration)?;
        let folder = self.runs.join(job.name());
        report::write(&folder, &recording, &job.name())?;
        let figures = serde_json::to_value(recording.figures())?;
        let kept = json!({ "build": self.build, "settings": job.settings(self.arguments), "figures": figures });
        files::write(&folder.join(RUN), (serde_json::to_string_pretty(&kept)? + "\n").as_bytes())?;
        Ok(job.row(&figures))
    }

    /// The figures of a run made before under the same settings. An error if it was made by another build: what two
    /// builds do differently would look like a difference between links or profiles.
    fn kept(&self, job: &Job<'_>) -> Result<Option<Value>> {
        let bytes = std::fs::read(self.runs.join(job.name()).join(RUN)).ok();
        let Some(mut before) = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()) else {
            return Ok(None);
        };
        if before["settings"] != job.settings(self.arguments) {
            return Ok(None);
        }
        if before["build"] != self.build {
            let (runs, name) = (self.runs.display(), job.name());
            bail!(BadArgument(format!(
                "{runs}: {name} was run by another build of oyster: name another --output, or remove this folder to run all anew"
            )));
        }
        Ok(Some(before["figures"].take()))
    }
}

/// The hash of this program, as it was when it was started.
fn build() -> Result<String> {
    let own = std::env::current_exe().context("this program cannot be found")?;
    let bytes = std::fs::read(&own).with_context(|| format!("{}: cannot read", own.display()))?;
    Ok(Digest::of(&bytes).hash())
}

/// What is kept of a run to go on with: by which build and under which settings it was made, and its figures.
const RUN: &str = "run.json";

/// The clip, read by whoever needs it first.
fn shared_clip(arguments: &Arguments, path: &Path, shared: &Mutex<Option<(Clip, f64)>>) -> Result<(Clip, f64)> {
    let mut shared = shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((clip, frames_per_second)) = &*shared {
        return Ok((clip.clone(), *frames_per_second));
    }
    let (clip, frames_per_second) = arguments.conditions.read_clip(path)?;
    *shared = Some((clip.clone(), frames_per_second));
    Ok((clip, frames_per_second))
}

impl Job<'_> {
    fn link_name(&self) -> String {
        let name = file_name(&self.place.path);
        if self.place.start_ms == 0 { name } else { format!("{name}@{}", self.place.start_ms) }
    }

    /// Of its folder.
    fn name(&self) -> String {
        format!("{}~{}~{}", stem(self.clip), self.link_name(), self.profile.name())
    }

    /// All that the run depends on, but for this program.
    fn settings(&self, arguments: &Arguments) -> Value {
        let cost = |cost| match cost {
            Cost::Measured => Value::from("measured"),
            Cost::Charged(cost) => Value::from(cost.as_secs_f64() * 1e3),
        };
        let Conditions { seconds, fps, delay_ms, queue_packets, loss, seed } = &arguments.conditions;
        json!({
            "clip": self.clip, "link": self.place.path, "start_ms": self.place.start_ms, "profile": self.profile.name(),
            "seconds": seconds.as_secs_f64(), "fps": fps, "delay_ms": delay_ms.as_millis() as u64,
            "queue_packets": queue_packets, "loss": loss, "seed": seed,
            "encode_cost_ms": cost(arguments.encode_cost), "decode_cost_ms": cost(arguments.decode_cost),
            "delay_ceiling_ms": arguments.ceiling.delay_ceiling_ms.map(|ceiling| ceiling.as_millis() as u64),
        })
    }

    fn scenario(&self, arguments: &Arguments, clip: Clip, frames_per_second: f64) -> Result<Scenario> {
        let media = read_trace(&self.place.path)?;
        let [link, ack_link] = arguments.conditions.links(media, None, self.place.start_ms)?;
        Ok(Scenario {
            clip,
            frames_per_second,
            duration: arguments.conditions.seconds,
            link,
            ack_link,
            sender: arguments.ceiling.on(self.profile.config()),
            encoding: Encoding::default(),
            encode_cost: arguments.encode_cost,
            decode_cost: arguments.decode_cost,
            neighbours: Vec::new(),
        })
    }

    fn row(&self, figures: &Value) -> Row {
        let figure = |path: &str| figures.pointer(path).and_then(Value::as_f64);
        Row {
            clip: stem(self.clip),
            link: self.link_name(),
            profile: self.profile.name(),
            p95_ms: figure("/signal_delay_ms/p95"),
            mean_ms: figure("/signal_delay_ms/mean"),
            b1_p95_ms: figure("/bound/b1_p95_ms"),
            ssim_y_db: figure("/ssim_y_db/mean"),
            ssim_p5_db: figure("/ssim_y_db/p5"),
            fps_shown: figure("/fps_shown"),
            longest_gap_ms: figure("/longest_gap_ms"),
            video_kbps: figure("/video_kbps"),
            utilisation: figure("/utilisation"),
        }
    }
}

/// The tables of all rows so far, and for each clip and link a drawing of delay against quality.
fn write_tables(arguments: &Arguments, rows: &[Row]) -> Result<()> {
    let baseline = arguments.baseline.name();
    let write = |name: &str, text: String| files::write(&arguments.output.join(name), text.as_bytes());
    write("table.csv", rows_csv(rows))?;
    write("table.md", rows_markdown(rows, &baseline))?;
    let comparison = Comparison { standings: standings(rows, &baseline), baseline, rows: rows.to_vec() };
    write("table.json", serde_json::to_string_pretty(&comparison)? + "\n")?;
    let mut drawn = BTreeSet::new();
    for row in rows.iter().filter(|row| drawn.insert((&row.clip, &row.link))) {
        let (outcomes, bound) = outcomes_beside(rows, row);
        let title = format!("{} over {}", row.clip, row.link);
        write(&format!("{}~{}.svg", row.clip, row.link), delay_against_quality(&title, &outcomes, bound))?;
    }
    Ok(())
}

/// The clips named, and those in the folders named.
fn clips(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut clips = Vec::new();
    for path in named {
        let is_clip = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "y4m");
        clips.extend(if path.is_dir() { files_in(path, is_clip)? } else { vec![path.clone()] });
    }
    ensure!(!clips.is_empty(), "there is no clip (y4m) in the folders named");
    let names: BTreeSet<String> = clips.iter().map(|clip| stem(clip)).collect();
    ensure!(names.len() == clips.len(), "two clips have the same name");
    Ok(clips)
}

/// The links named, and those in the folders named.
fn places(named: &[String]) -> Result<Vec<Place>> {
    let mut places: Vec<Place> = Vec::new();
    for text in named {
        let path = Path::new(text);
        if path.is_dir() {
            let is_trace = |path: &PathBuf| {
                path.extension()
                    .is_some_and(|extension| ["up", "down", "trace"].iter().any(|known| extension == *known))
            };
            places.extend(files_in(path, is_trace)?.into_iter().map(|path| Place { path, start_ms: 0 }));
            continue;
        }
        let with_start = text.rsplit_once(':').and_then(|(path, start)| Some((path, start.parse().ok()?)));
        let (path, start_ms) = with_start.unwrap_or((text, 0));
        places.push(Place { path: PathBuf::from(path), start_ms });
    }
    ensure!(!places.is_empty(), "there is no trace (.up, .down, .trace) in the folders named");
    for (number, place) in places.iter().enumerate() {
        let same = |other: &Place| file_name(&other.path) == file_name(&place.path) && other.start_ms == place.start_ms;
        ensure!(!places[..number].iter().any(same), "{}: named twice", place.path.display());
        read_trace(&place.path)?; // better known before the work
    }
    Ok(places)
}

fn files_in(folder: &Path, wanted: impl Fn(&PathBuf) -> bool) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("{}: cannot read this folder", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("{}: cannot read this folder", folder.display()))?.path();
        if wanted(&path) && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

pub(super) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_named_with_where_they_begin_and_folders_give_theirs_in_order() {
        let folder = std::env::temp_dir().join(format!("oyster-compare-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["b.down", "a.up", "README.md"] {
            std::fs::write(folder.join(name), "1\n2\n").unwrap();
        }
        let inside = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let found = places(&[inside(""), format!("{}:600", inside("a.up"))]).unwrap();
        let names: Vec<(String, u64)> = found.iter().map(|place| (file_name(&place.path), place.start_ms)).collect();
        assert_eq!(names, [("a.up".to_owned(), 0), ("b.down".to_owned(), 0), ("a.up".to_owned(), 600)]);
        assert!(places(&[inside("a.up"), inside("a.up")]).is_err(), "twice the same");
        assert!(places(&[inside("c.up")]).is_err() && clips(std::slice::from_ref(&folder)).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
