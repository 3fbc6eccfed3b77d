//! `oyster devices`: what a call can see and hear with here.

use std::io::IsTerminal;

use anyhow::Result;
use oyster_call::camera::{self, Found, Mode};
use oyster_call::sound::{self, DeviceName};

use crate::words;

pub(crate) fn run() -> Result<()> {
    let found = sound::devices();
    let sections = [
        ("cameras", cameras()),
        ("microphones", sound_lines(&found.microphones, &found.host)),
        ("speakers", sound_lines(&found.speakers, &found.host)),
        ("displays", displays()),
    ];
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

/// Devices by the names that `--microphone` and `--speaker` take, and by those that people know.
fn sound_lines(devices: &[DeviceName], host: &str) -> Vec<String> {
    let described = |device: &DeviceName| {
        let known_as = if device.name == device.id { String::new() } else { format!("  {}", device.name) };
        let default = if device.is_default { " (taken when none is named)" } else { "" };
        format!("{}{known_as}{default}", device.id)
    };
    let mut lines: Vec<String> = devices.iter().map(described).collect();
    if lines.is_empty() {
        lines.push(format!("none found by {host}"));
    }
    lines.push("file:F.wav".to_owned());
    lines
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
    fn a_sound_device_is_shown_by_the_name_to_type_and_the_name_people_know() {
        let device = |id: &str, name: &str, is_default| DeviceName { id: id.into(), name: name.into(), is_default };
        let devices = [device("alsa_input.usb", "Headset", true), device("hw:1", "hw:1", false)];
        assert_eq!(
            sound_lines(&devices, "PulseAudio"),
            ["alsa_input.usb  Headset (taken when none is named)", "hw:1", "file:F.wav"]
        );
        assert_eq!(sound_lines(&[], "ALSA"), ["none found by ALSA", "file:F.wav"]);
    }

    #[test]
    fn where_there_is_nothing_that_is_said() {
        assert_eq!(section("cameras", &[]), "cameras\n  none\n");
    }
}
