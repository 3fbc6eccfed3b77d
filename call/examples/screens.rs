//! Shows a moving test picture on a screen, and afterwards says what that cost: to look at, and to measure.
//!
//!     cargo run --release -p oyster-call --example screens -- [auto|window|terminal|file:F.y4m|none] [SECONDS] [WxH]

use std::sync::Arc;
use std::time::Duration;

use oyster_call::figures::{Direction, Figures, Stages, Versions};
use oyster_call::screen::{Choice, Key, Screen, StatusLines};
use oyster_call::{Clock, Inbox, Stop};
use oyster_codec::{Image, Size};
use oyster_scene::Scene;

type Failure = Box<dyn std::error::Error>;

const FRAME: Duration = Duration::from_micros(33_333);

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |index: usize, otherwise: &'static str| arguments.get(index).map_or(otherwise, String::as_str);
    let choice = match argument(0, "auto") {
        "auto" => Choice::Auto,
        other => other.parse()?,
    };
    let until = Duration::from_secs(argument(1, "10").parse()?);
    let (width, height) = argument(2, "640x360").split_once('x').ok_or("a size is WxH")?;
    let size = Size::new(width.parse()?, height.parse()?)?;
    let fails_after: Option<u32> = argument(3, "").strip_prefix("panic:").map(str::parse).transpose()?;

    let stop = Stop::on_signals()?;
    let mut screen = Screen::open(choice, "oyster: a test picture", size)?;
    let opened = format!("{}: {} {}", screen.kind(), screen.reason(), screen.protocol().unwrap_or_default());
    let summary = run(&mut screen, &stop, until, size, fails_after);
    screen.close()?;
    println!("{opened}");
    println!("{}", summary?);
    Ok(())
}

fn run(
    screen: &mut Screen,
    stop: &Stop,
    until: Duration,
    size: Size,
    fails_after: Option<u32>,
) -> Result<String, Failure> {
    let clock = Clock::start();
    let alarm = Inbox::<()>::new();
    let mut shows_ms = Vec::new();
    let mut picture = Image::black(size);
    let own = Scene::new(size, 1);
    let mut status = StatusLines::default();
    let cpu_before_ms = cpu_ms()?;
    let mut painting_ms = 0.0;
    for number in 0_u32.. {
        assert!(fails_after != Some(number), "asked for, to see whether the terminal comes back");
        let begin = clock.now();
        paint(&mut picture, number);
        screen.set_self_view(Some(Arc::new(own.frame(number.into()))));
        if number.is_multiple_of(15) {
            status = figures(number, clock.now(), screen);
        }
        painting_ms += (clock.now() - begin).as_secs_f64() * 1e3;
        let begin = clock.now();
        screen.show(&picture, &status)?;
        shows_ms.push((clock.now() - begin).as_secs_f64() * 1e3);
        if screen.poll_keys().contains(&Key::Quit) || stop.is_set() || clock.now() >= until {
            break;
        }
        let _ = alarm.wait((FRAME * (number + 1)).saturating_sub(clock.now()));
    }
    let (frames, wall_ms) = (shows_ms.len(), clock.now().as_secs_f64() * 1e3);
    let cpu_ms = cpu_ms()? - cpu_before_ms - painting_ms;
    shows_ms.sort_by(f64::total_cmp);
    let (p50, p95) = (shows_ms[frames / 2], shows_ms[frames * 95 / 100]);
    Ok(format!(
        "{frames} pictures of {size} in {:.1} s, {} dropped; show took {p50:.2} ms (p50), {p95:.2} ms (p95); \
         CPU but for painting {:.2} ms a picture, {:.1} % of a core",
        wall_ms / 1e3,
        screen.frames_dropped(),
        cpu_ms / frames as f64,
        100.0 * cpu_ms / wall_ms,
    ))
}

/// Words in the manner of a call's, while its link grows thin and wide.
fn figures(number: u32, now: Duration, screen: &Screen) -> StatusLines {
    let link_rate = 2.2e6 + 1.9e6 * (now.as_secs_f64() / 3.0).sin();
    let coarse = if link_rate < 1e6 { 40 } else { 2 };
    let direction = Direction {
        captured_per_second: Some(30.0),
        shown_per_second: Some(29.8),
        sent_rate: Some(link_rate * 0.8),
        link_rate: Some(link_rate),
        loss: Some(0.002),
        versions: Versions { fine: 60 - coarse, coarse, skipped: 0 },
        ssim_y_db: Some(14.2),
        stages: Stages {
            encode: Some(Duration::from_millis(9)),
            network: Some(Duration::from_millis(24)),
            ..Stages::default()
        },
        ..Direction::default()
    };
    let figures = Figures {
        elapsed: now,
        signal_delay: Some(Duration::from_millis(41)),
        incoming: direction.clone(),
        outgoing: direction,
        ..Figures::default()
    };
    let mut status = figures.status();
    status.details.push(format!("picture   {number} at {:?}, {} dropped", screen.size_hint(), screen.frames_dropped()));
    status
}

/// A slow gradient, colour bars along the top, a bright disc on its way, a little noise.
fn paint(picture: &mut Image, number: u32) {
    let size = picture.size();
    let (width, height) = (size.width() as i32, size.height() as i32);
    let time = f64::from(number) / 30.0;
    let centre_x = (f64::from(width) * (0.5 + 0.35 * (time * 0.9).sin())) as i32;
    let centre_y = (f64::from(height) * (0.5 + 0.3 * (time * 1.3).cos())) as i32;
    let radius = height / 5;
    let mut noise = number.wrapping_mul(0x9e37_79b9) | 1;
    let [y_plane, u_plane, v_plane] = picture.planes_mut();
    for (y, row) in (0..).zip(y_plane.chunks_exact_mut(width as usize)) {
        for (x, sample) in (0..).zip(row) {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let is_disc = (x - centre_x).pow(2) + (y - centre_y).pow(2) < radius.pow(2);
            let level = if is_disc { 200 } else { 40 + 120 * x / width + 30 * y / height };
            *sample = (level + (noise >> 30) as i32) as u8;
        }
    }
    let (chroma_width, chroma_height) = (size.chroma_width() as i32, size.chroma_height() as i32);
    let chroma = u_plane.chunks_exact_mut(chroma_width as usize).zip(v_plane.chunks_exact_mut(chroma_width as usize));
    for (y, (u_row, v_row)) in (0..).zip(chroma) {
        for (x, (u, v)) in (0..).zip(u_row.iter_mut().zip(v_row)) {
            let is_disc = (2 * x - centre_x).pow(2) + (2 * y - centre_y).pow(2) < radius.pow(2);
            let bar = 8 * x / chroma_width;
            (*u, *v) = match () {
                () if y < chroma_height / 8 => ((60 + 20 * bar) as u8, (200 - 20 * bar) as u8),
                () if is_disc => (90, 170),
                () => ((110 + 40 * x / chroma_width) as u8, (120 + 20 * y / chroma_height) as u8),
            };
        }
    }
}

/// Milliseconds of CPU this process has used: fields 14 and 15 of /proc/self/stat, in ticks of 10 ms (proc(5)).
fn cpu_ms() -> Result<f64, Failure> {
    let line = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = line.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).ok_or("/proc/self/stat has no CPU times")?;
    Ok((user + system) * 10.0)
}
