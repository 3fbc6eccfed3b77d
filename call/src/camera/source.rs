//! What a person may name as a camera: `v4l:DEV`, `file:F.y4m`, `pattern`, `none`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a call's pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A Video4Linux device, as `/dev/video0`.
    Device(PathBuf),
    /// A y4m clip, played forwards and backwards.
    File(PathBuf),
    /// A made-up person under a strip that says the picture's number ([`pattern_number`](super::pattern_number)).
    Pattern,
    /// No camera: the other side sees nothing.
    None,
}

/// Words that name no camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    text: String,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" is no camera: v4l:DEV (as v4l:/dev/video0 or v4l:0), file:F.y4m, pattern or none is",
            self.text
        )
    }
}

impl std::error::Error for SourceError {}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        match text.split_once(':') {
            Some(("v4l", number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok(Self::Device(PathBuf::from(format!("/dev/video{number}"))))
            }
            Some(("v4l", device)) if !device.is_empty() => Ok(Self::Device(PathBuf::from(device))),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            None if text == "pattern" => Ok(Self::Pattern),
            None if text == "none" => Ok(Self::None),
            _ => Err(SourceError { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(path) => write!(f, "v4l:{}", path.display()),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Pattern => f.write_str("pattern"),
            Self::None => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_back() {
        for text in ["v4l:/dev/video2", "file:a b:c.y4m", "pattern", "none"] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_device_may_be_a_number() {
        assert_eq!("v4l:3".parse(), Ok(Source::Device(PathBuf::from("/dev/video3"))));
    }

    #[test]
    fn other_words_are_named_in_the_error() {
        for text in ["", "v4l", "v4l:", "file:", "pattern:", "webcam", "/dev/video0"] {
            let error = text.parse::<Source>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("\"{text}\" is no camera")), "{error}");
        }
    }
}
