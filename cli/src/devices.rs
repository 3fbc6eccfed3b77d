//! `oyster devices`: what a call can see and hear with here.

use std::io::IsTerminal;

use anyhow::Result;
use oyster_call::camera::{self, Found, Mode};

use crate::words;

pub(crate) fn run() -> Result<()> {
    let sections = [("cameras", cameras()), ("displays", displays())];
    let text: String = sections.iter().map(|(name, lines)| section(name, lines)).collect();
    words::print(&text)
}

/// A heading and what is under it.
fn section(name: &str, lines: &[String]) -> String {
    let nothing = ["none".to_owned()];
    let lines = if lines.is_empty() { &nothing[..] } else { lines };
    lines.iter().fold(format!("{name}\n"), |text, line| format!("{text}  {line}\n"))
}

fn cameras() -> Vec<String> {
    let mut lines = match camera::list() {
        Ok(found) => found.iter().flat_map(camera_lines).collect(),
        Err(error) => vec![error.to_string()],
    };
    lines.push("pattern: a made-up person; file:F.y4m: a clip".to_owned());
    lines
}

fn camera_lines(camera: &Found) -> Vec<String> {
    let mut lines = vec![format!("v4l:{}  {}", camera.path.display(), camera.name)];
    for modes in camera.modes.chunk_by(|a, b| a.format == b.format) {
        let fastest: Vec<String> = modes.chunk_by(|a, b| a.size == b.size).filter_map(fastest).collect();
        lines.push(format!("    {}: {}", modes[0].format, fastest.join(", ")));
    }
    lines
}

/// The most pictures a second of modes of one size.
fn fastest(modes: &[Mode]) -> Option<String> {
    let rate = modes.iter().map(|mode| mode.frames_per_second).max_by(f64::total_cmp)?;
    Some(format!("{} at {rate:.0}", modes[0].size))
}

fn displays() -> Vec<String> {
    let named = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let window = named("WAYLAND_DISPLAY").or_else(|| named("DISPLAY"));
    let window =
        window.map_or("no: neither DISPLAY nor WAYLAND_DISPLAY is set".to_owned(), |name| format!("on {name}"));
    let terminal = if std::io::stdout().is_terminal() { "this one" } else { "no: standard output is not one" };
    vec![format!("window: {window}"), format!("terminal: {terminal}"), "file:F.y4m".to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use oyster_call::camera::PixelFormat;
    use oyster_codec::Size;

    #[test]
    fn a_camera_is_shown_with_the_fastest_mode_of_each_size() {
        let mode =
            |format, width, frames_per_second| Mode { format, size: Size::new(width, 360).unwrap(), frames_per_second };
        let camera = Found {
            path: "/dev/video0".into(),
            name: "a webcam".to_owned(),
            modes: vec![
                mode(PixelFormat::Yuyv, 640, 15.0),
                mode(PixelFormat::Yuyv, 640, 30.0),
                mode(PixelFormat::Yuyv, 320, 60.0),
                mode(PixelFormat::Mjpeg, 640, 29.97),
            ],
        };
        assert_eq!(
            camera_lines(&camera),
            ["v4l:/dev/video0  a webcam", "    YUYV: 640x360 at 30, 320x360 at 60", "    MJPEG: 640x360 at 30"]
        );
    }

    #[test]
    fn where_there_is_nothing_that_is_said() {
        assert_eq!(section("cameras", &[]), "cameras\n  none\n");
    }
}
