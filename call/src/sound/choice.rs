//! What `--microphone` and `--speaker` may say.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::DeviceName;

/// Where sound comes from, or goes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Whatever the system says is meant.
    #[default]
    Default,
    /// The device of this name, as `oyster devices` prints it, or of the only name that has this in it.
    Named(String),
    /// A WAV file.
    File(PathBuf),
    /// Nothing.
    None,
}

impl FromStr for Choice {
    type Err = Infallible;

    fn from_str(words: &str) -> Result<Self, Infallible> {
        Ok(match words.split_once(':') {
            Some(("file", path)) => Self::File(PathBuf::from(path)),
            _ => match words {
                "default" => Self::Default,
                "none" => Self::None,
                name => Self::Named(name.to_owned()),
            },
        })
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::Named(name) => write!(f, "{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::None => write!(f, "none"),
        }
    }
}

impl Choice {
    /// The device after this one, around and around; none if there is no other.
    pub fn next(&self, devices: &[DeviceName]) -> Option<Self> {
        let current = match self {
            Self::Named(wanted) => {
                let names: Vec<[&str; 2]> = devices.iter().map(|device| [&*device.id, &*device.name]).collect();
                find(wanted, &names).ok()
            }
            Self::Default => devices.iter().position(|device| device.is_default),
            Self::File(_) | Self::None => None,
        };
        let next = current.map_or(0, |current| (current + 1) % devices.len());
        let device = devices.get(next).filter(|_| current != Some(next))?;
        Some(Self::Named(device.id.clone()))
    }
}

/// The index of the device that a name means: the one called so, else the only one that has it in its name, whatever the case.
///
/// # Errors
/// What to tell the user: no device is called so, or several are.
pub(super) fn find(wanted: &str, names: &[[&str; 2]]) -> Result<usize, String> {
    if let Some(index) = names.iter().position(|names| names.contains(&wanted)) {
        return Ok(index);
    }
    let wanted_lower = wanted.to_lowercase();
    let has = |names: &[&str; 2]| names.iter().any(|name| name.to_lowercase().contains(&wanted_lower));
    let found: Vec<usize> = (0..names.len()).filter(|&index| has(&names[index])).collect();
    match found[..] {
        [index] => Ok(index),
        [] if names.is_empty() => Err(format!("there is no '{wanted}': no device at all was found")),
        [] => Err(format!("there is no '{wanted}' among {}", list(names.iter()))),
        _ => Err(format!("'{wanted}' may be any of {}", list(found.iter().map(|&index| &names[index])))),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a [&'a str; 2]>) -> String {
    names.map(|[_, name]| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_read_as_it_is_printed() {
        for words in ["default", "none", "file:a b:c.wav", "Built-in Audio", "alsa:hw:0"] {
            assert_eq!(words.parse::<Choice>().unwrap().to_string(), words);
        }
        assert_eq!("file:x.wav".parse(), Ok(Choice::File("x.wav".into())));
        assert_eq!("none".parse(), Ok(Choice::None));
    }

    #[test]
    fn the_next_device_is_another_one_or_none() {
        let named = |id: &str| Choice::Named(id.to_owned());
        let device = |id: &str, is_default| DeviceName { id: id.to_owned(), name: id.to_uppercase(), is_default };
        let devices = [device("desk", false), device("headset", true), device("webcam", false)];
        let around: Vec<_> =
            std::iter::successors(Some(Choice::Default), |choice| choice.next(&devices)).take(5).collect();
        assert_eq!(around[1..], ["webcam", "desk", "headset", "webcam"].map(named));
        assert_eq!(named("HEAD").next(&devices), Some(named("webcam")));
        for lost in [named("gone"), Choice::None] {
            assert_eq!(lost.next(&devices), Some(named("desk")));
        }
        assert_eq!(named("desk").next(&devices[..1]), None);
        assert_eq!(Choice::Default.next(&[]), None);
    }

    #[test]
    fn a_name_means_one_device_or_says_which_it_may_be() {
        let names = [["sink.hdmi", "HDMI Audio"], ["sink.usb", "USB Headset"], ["usb", "USB Speaker"]];
        assert_eq!(find("usb", &names), Ok(2), "a whole name is stronger than a part");
        assert_eq!(find("headset", &names), Ok(1));
        assert_eq!(find("USB S", &names), Ok(2));
        assert_eq!(find("USB H", &names), Ok(1));
        assert_eq!(find("USB ", &names).unwrap_err(), "'USB ' may be any of 'USB Headset', 'USB Speaker'");
        assert_eq!(find("tin", &names[..1]).unwrap_err(), "there is no 'tin' among 'HDMI Audio'");
        assert_eq!(find("tin", &[]).unwrap_err(), "there is no 'tin': no device at all was found");
    }
}
