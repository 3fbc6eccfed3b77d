//! Where a call is seen: a window, a terminal, or nowhere. One [`Screen`] for all three, driven by the thread that opened
//! it, which has to be the main thread where the window system wants that.
//!
//! ```no_run
//! use oyster_call::screen::{Choice, Key, Screen, StatusLines};
//! use oyster_codec::{Image, Size};
//!
//! let size = Size::new(640, 360)?;
//! let mut screen = Screen::open(Choice::Auto, "oyster", size)?;
//! let picture = Image::black(size);
//! while !screen.poll_keys().contains(&Key::Quit) {
//!     screen.show(&picture, &StatusLines::new("30 fps  delay 41 ms"))?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod canvas;
mod cells;
mod colour;
mod keyboard;
mod pace;
mod scale;
mod status;
mod terminal;
mod window;

use std::{fmt, io};

use oyster_codec::{Image, Size};

use status::Overlay;
pub use status::StatusLines;
use terminal::Terminal;
use window::Window;

/// What kind of screen is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// A window where a display can be opened, else the terminal where standard output is one, else none.
    #[default]
    Auto,
    /// A window or an error.
    Window,
    /// The terminal or an error.
    Terminal,
    /// No screen.
    None,
}

/// What kind of screen was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A window of the desktop.
    Window,
    /// The whole terminal: while the screen lives, nothing else may write to standard output or standard error there.
    Terminal,
    /// No screen: pictures are accepted and forgotten.
    None,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Window => "window",
            Self::Terminal => "terminal",
            Self::None => "no screen",
        })
    }
}

/// What a person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key {
    /// q, Escape, Ctrl-C, or the window was closed, or the terminal is gone: the call shall end.
    Quit,
    /// i: more or fewer words under the picture. The screen has already obeyed.
    Overlay,
}

/// Why there is no screen of the kind asked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// No window; the window system's reason.
    Window(String),
    /// No terminal; why.
    Terminal(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window(reason) => write!(f, "no window can be opened: {reason}"),
            Self::Terminal(reason) => write!(f, "the terminal cannot show a picture: {reason}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// Why a picture could not be shown. The screen will show no others.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScreenError {
    /// The window did not take it; the window system's reason.
    Window(String),
    /// The terminal could not be read or written.
    Terminal(io::Error),
    /// The terminal was given back because something panicked.
    Closed,
}

impl fmt::Display for ScreenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window(reason) => write!(f, "the window takes no picture: {reason}"),
            Self::Terminal(reason) => write!(f, "the terminal takes no picture: {reason}"),
            Self::Closed => write!(f, "the terminal was given back after a panic"),
        }
    }
}

impl std::error::Error for ScreenError {}

/// A screen that pictures are shown on.
pub struct Screen {
    device: Device,
    overlay: Overlay,
    reason: String,
}

enum Device {
    // Boxed: a window's state is large, and there is one.
    Window(Box<Window>),
    Terminal(Box<Terminal>),
    None,
}

impl Screen {
    /// Opens a screen for pictures of about `size` (others are scaled, too). [`Choice::Auto`] always finds one.
    pub fn open(choice: Choice, title: &str, size: Size) -> Result<Self, OpenError> {
        let window = || Window::open(title, size).map(|window| Device::Window(Box::new(window)));
        let terminal = || Terminal::open().map(|terminal| Device::Terminal(Box::new(terminal)));
        let (device, reason) = match choice {
            Choice::Window => (window().map_err(|error| OpenError::Window(error.to_string()))?, ASKED_FOR.to_owned()),
            Choice::Terminal => (terminal().map_err(OpenError::Terminal)?, ASKED_FOR.to_owned()),
            Choice::None => (Device::None, ASKED_FOR.to_owned()),
            Choice::Auto => match window() {
                Ok(device) => (device, "there is a display".to_owned()),
                Err(no_window) => match terminal() {
                    Ok(device) => (device, format!("no display: {no_window}")),
                    Err(no_terminal) => (Device::None, format!("no display: {no_window}; and {no_terminal}")),
                },
            },
        };
        Ok(Self { device, overlay: Overlay::default(), reason })
    }

    /// What was opened. Say so (with [`Screen::reason`]) on standard error, but not while the terminal is the screen.
    pub fn kind(&self) -> Kind {
        match self.device {
            Device::Window(_) => Kind::Window,
            Device::Terminal(_) => Kind::Terminal,
            Device::None => Kind::None,
        }
    }

    /// Why it is this kind, in words that go on after [`Kind`] and a colon.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Shows a picture and what is said about it. Returns once both are handed over; a terminal that has not yet drawn
    /// the earlier ones drops this one ([`Screen::frames_dropped`]).
    pub fn show(&mut self, picture: &Image, status: &StatusLines) -> Result<(), ScreenError> {
        match &mut self.device {
            Device::Window(window) => window.show(picture, status, self.overlay),
            Device::Terminal(terminal) => terminal.show(picture, status, self.overlay),
            Device::None => Ok(()),
        }
    }

    /// The keys pressed since the last call, oldest first. Does not wait. Call it a few times a second even while there is
    /// no picture: it also keeps a window alive.
    pub fn poll_keys(&mut self) -> Vec<Key> {
        let keys = match &mut self.device {
            Device::Window(window) => window.poll_keys(self.overlay),
            Device::Terminal(terminal) => terminal.poll_keys(),
            Device::None => Vec::new(),
        };
        for _ in keys.iter().filter(|key| **key == Key::Overlay) {
            self.overlay = self.overlay.next();
        }
        keys
    }

    /// How many pixels wide and high a picture can be shown at now: a larger one is wasted. `None` without a screen.
    pub fn size_hint(&self) -> Option<(usize, usize)> {
        match &self.device {
            Device::Window(window) => Some(window.size()),
            Device::Terminal(terminal) => {
                let (columns, rows) = terminal.size();
                Some((columns, 2 * rows))
            }
            Device::None => None,
        }
    }

    /// Pictures not shown because the screen was busy with earlier ones.
    pub fn frames_dropped(&self) -> u64 {
        match &self.device {
            Device::Terminal(terminal) => terminal.frames_dropped(),
            Device::Window(_) | Device::None => 0,
        }
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Screen({}: {})", self.kind(), self.reason)
    }
}

const ASKED_FOR: &str = "as asked for";
