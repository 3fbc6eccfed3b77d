//! Where a call is seen: a window, a terminal, a file, or nowhere. One [`Screen`] for all, driven by the thread that opened
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
mod file;
#[cfg(fuzzing)]
pub mod fuzzing;
mod graphics;
mod keyboard;
mod kitty;
mod pace;
mod sixel;
mod status;
mod terminal;
mod window;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::{fmt, io};

use oyster_codec::{Image, Size};

use file::FileScreen;
use status::Overlay;
pub use status::StatusLines;
use terminal::Terminal;
use window::Window;

/// What kind of screen is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// A window where a display can be opened, else the terminal where standard output is one, else none.
    #[default]
    Auto,
    /// A window or an error.
    Window,
    /// The terminal or an error.
    Terminal,
    /// A y4m file with every picture that was shown, once.
    File(PathBuf),
    /// No screen.
    None,
}

/// Words that name no screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChoiceError {
    text: String,
}

impl fmt::Display for ChoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is no display: window, terminal, file:F.y4m or none is", self.text)
    }
}

impl std::error::Error for ChoiceError {}

impl FromStr for Choice {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        match (text, text.strip_prefix("file:")) {
            ("window", _) => Ok(Self::Window),
            ("terminal", _) => Ok(Self::Terminal),
            ("none", _) => Ok(Self::None),
            (_, Some(path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            _ => Err(ChoiceError { text: text.to_owned() }),
        }
    }
}

/// What kind of screen was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A window of the desktop.
    Window,
    /// The whole terminal: while the screen lives, nothing else may write to standard output or standard error there.
    Terminal,
    /// A file: it gets its name when the screen is closed.
    File,
    /// No screen: pictures are accepted and forgotten.
    None,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Window => "window",
            Self::Terminal => "terminal",
            Self::File => "file",
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
    /// m: the microphone shall be silent, or not any more.
    Mute,
    /// The space bar is down: for as long as that is told again, the microphone shall be heard though it is muted. A terminal
    /// does not tell when a key is let go, and repeats it only after [`Key::TALK_LASTS`].
    Talk,
    /// c: the camera shall be off, or on again.
    Camera,
    /// n: another microphone shall be heard.
    NextMicrophone,
    /// l: another loudspeaker shall be heard through.
    NextSpeaker,
}

impl Key {
    /// How long one [`Key::Talk`] lasts: keyboards wait 250 to 660 ms before they repeat a key that is held.
    pub const TALK_LASTS: std::time::Duration = std::time::Duration::from_millis(700);
}

/// Why there is no screen of the kind asked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// No window; the window system's reason.
    Window(String),
    /// No terminal; why.
    Terminal(io::Error),
    /// No file.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window(reason) => write!(f, "no window can be opened: {reason}"),
            Self::Terminal(reason) => write!(f, "the terminal cannot show a picture: {reason}"),
            Self::File { path, source } => write!(f, "{}: cannot write: {source}", path.display()),
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
    /// The file could not be written.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for ScreenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window(reason) => write!(f, "the window takes no picture: {reason}"),
            Self::Terminal(reason) => write!(f, "the terminal takes no picture: {reason}"),
            Self::Closed => write!(f, "the terminal was given back after a panic"),
            Self::File { path, source } => write!(f, "{}: cannot write: {source}", path.display()),
        }
    }
}

impl std::error::Error for ScreenError {}

/// A screen that pictures are shown on.
pub struct Screen {
    device: Device,
    overlay: Overlay,
    own: Option<Arc<Image>>,
    reason: String,
}

/// What is to be seen at one moment.
struct View<'a> {
    picture: &'a Image,
    /// What the other side sees of this person: small, and mirrored as people know themselves.
    own: Option<&'a Arc<Image>>,
    status: &'a StatusLines,
    overlay: Overlay,
}

enum Device {
    // Boxed: a window's state is large, and there is one.
    Window(Box<Window>),
    Terminal(Box<Terminal>),
    File(FileScreen),
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
            Choice::File(path) => match FileScreen::create(&path) {
                Ok(file) => (Device::File(file), path.display().to_string()),
                Err(source) => return Err(OpenError::File { path, source }),
            },
            Choice::None => (Device::None, ASKED_FOR.to_owned()),
            Choice::Auto => match window() {
                Ok(device) => (device, "there is a display".to_owned()),
                Err(no_window) => match terminal() {
                    Ok(device) => (device, format!("no display: {no_window}")),
                    Err(no_terminal) => (Device::None, format!("no display: {no_window}; and {no_terminal}")),
                },
            },
        };
        Ok(Self { device, overlay: Overlay::default(), own: None, reason })
    }

    /// What was opened. Say so (with [`Screen::reason`]) on standard error, but not while the terminal is the screen.
    pub fn kind(&self) -> Kind {
        match self.device {
            Device::Window(_) => Kind::Window,
            Device::Terminal(_) => Kind::Terminal,
            Device::File(_) => Kind::File,
            Device::None => Kind::None,
        }
    }

    /// Why it is this kind, in words that go on after [`Kind`] and a colon.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What is shown of this person in a corner from the next picture on, mirrored; none to show nothing.
    pub fn set_self_view(&mut self, own: Option<Arc<Image>>) {
        self.own = own;
    }

    /// Shows a picture and what is said about it. Returns once both are handed over; a terminal that has not yet drawn
    /// the earlier ones drops this one ([`Screen::frames_dropped`]).
    pub fn show(&mut self, picture: &Image, status: &StatusLines) -> Result<(), ScreenError> {
        let view = View { picture, own: self.own.as_ref(), status, overlay: self.overlay };
        match &mut self.device {
            Device::Window(window) => window.show(&view),
            Device::Terminal(terminal) => terminal.show(&view),
            Device::File(file) => {
                file.show(picture).map_err(|source| ScreenError::File { path: file.path().to_owned(), source })
            }
            Device::None => Ok(()),
        }
    }

    /// The keys pressed since the last call, oldest first. Does not wait. Call it a few times a second even while there is
    /// no picture: it also keeps a window alive.
    pub fn poll_keys(&mut self) -> Vec<Key> {
        let keys = match &mut self.device {
            Device::Window(window) => window.poll_keys(self.overlay),
            Device::Terminal(terminal) => terminal.poll_keys(),
            Device::File(_) | Device::None => Vec::new(),
        };
        for _ in keys.iter().filter(|key| **key == Key::Overlay) {
            self.overlay = self.overlay.next();
        }
        keys
    }

    /// How many pixels wide and high a picture can be shown at now: a larger one is wasted. `None` where any size will do.
    pub fn size_hint(&self) -> Option<(usize, usize)> {
        match &self.device {
            Device::Window(window) => Some(window.size()),
            Device::Terminal(terminal) => Some(terminal.size_hint()),
            Device::File(_) | Device::None => None,
        }
    }

    /// Pictures not shown because the screen was busy with earlier ones.
    pub fn frames_dropped(&self) -> u64 {
        match &self.device {
            Device::Terminal(terminal) => terminal.frames_dropped(),
            Device::Window(_) | Device::File(_) | Device::None => 0,
        }
    }

    /// How a terminal draws pictures, in words; `None` of other screens.
    pub fn protocol(&self) -> Option<&'static str> {
        match &self.device {
            Device::Terminal(terminal) => Some(terminal.protocol()),
            Device::Window(_) | Device::File(_) | Device::None => None,
        }
    }

    /// Closes the screen; a file gets its name only now. Dropped without this, a file is not left behind.
    pub fn close(self) -> Result<(), ScreenError> {
        let Device::File(file) = self.device else { return Ok(()) };
        let path = file.path().to_owned();
        file.finish().map_err(|source| ScreenError::File { path, source })
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Screen({}: {})", self.kind(), self.reason)
    }
}

const ASKED_FOR: &str = "as asked for";
