//! A window of the desktop (X11 or Wayland, through minifb): resizable, the picture keeps its shape. It belongs to the
//! thread that opened it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use minifb::{ScaleMode, WindowOptions};
use oyster_codec::{Image, Size};

use super::canvas::Canvas;
use super::status::{Overlay, StatusLines};
use super::{Key, ScreenError, View};
use crate::Clock;

pub(super) struct Window {
    window: minifb::Window,
    keyboard: Rc<RefCell<Keyboard>>,
    canvas: Canvas,
    last: Option<Last>,
    title: String,
    clock: Clock,
    drawn_at: Duration,
    asked_at: Duration,
}

/// What is in the window, kept to be drawn again.
struct Last {
    picture: Image,
    own: Option<Arc<Image>>,
    status: StatusLines,
}

impl Window {
    /// Opens a window for pictures of `size`; the error says why there is none.
    pub(super) fn open(title: &str, size: Size) -> Result<Self, minifb::Error> {
        let options = WindowOptions { resize: true, scale_mode: ScaleMode::UpperLeft, ..WindowOptions::default() };
        // A small picture is enlarged, so that the words under it can be read.
        let enlarged = SMALL_WIDTH.div_ceil(size.width()).max(1);
        let (width, height) = (size.width() * enlarged, size.height() * enlarged);
        let shrunk = width.div_ceil(LARGE_WIDTH).max(height.div_ceil(LARGE_HEIGHT)).max(1);
        let title = title.replace('\0', " ");
        let mut window = minifb::Window::new(&title, (width / shrunk).max(1), (height / shrunk).max(1), options)?;
        // The call has its own rhythm: minifb shall not sleep.
        window.set_target_fps(0);
        let keyboard = Rc::new(RefCell::new(Keyboard::default()));
        window.set_input_callback(Box::new(Ear(Rc::clone(&keyboard))));
        let clock = Clock::start();
        let (drawn_at, asked_at) = (Duration::ZERO, Duration::ZERO);
        Ok(Self { window, keyboard, canvas: Canvas::default(), last: None, title, clock, drawn_at, asked_at })
    }

    pub(super) fn show(&mut self, view: &View<'_>) -> Result<(), ScreenError> {
        let summary = &view.status.summary;
        if !summary.is_empty() && *summary != self.title {
            self.title = summary.replace('\0', " ");
            self.window.set_title(&self.title);
        }
        match &mut self.last {
            Some(last) => {
                last.picture.clone_from(view.picture);
                last.own = view.own.cloned();
                last.status.clone_from(view.status);
            }
            last => {
                let (picture, own) = (view.picture.clone(), view.own.cloned());
                *last = Some(Last { picture, own, status: view.status.clone() });
            }
        }
        self.redraw(view.overlay)
    }

    pub(super) fn poll_keys(&mut self, overlay: Overlay) -> Vec<Key> {
        let now = self.clock.now();
        if now.saturating_sub(self.asked_at) >= ASK_EVERY {
            self.asked_at = now;
            let stale = now.saturating_sub(self.drawn_at) >= REDRAW_AFTER;
            if stale && self.last.is_some() {
                // Nobody tells us that another window uncovered ours, so a still picture is drawn again now and then. An
                // error is not lost: the next picture meets it, too.
                let _ = self.redraw(overlay);
            } else {
                self.window.update();
            }
        }
        let mut keys = std::mem::take(&mut self.keyboard.borrow_mut().pressed);
        if !self.window.is_open() {
            keys.push(Key::Quit);
        }
        keys
    }

    /// Width and height of the window in pixels.
    pub(super) fn size(&self) -> (usize, usize) {
        self.window.get_size()
    }

    fn redraw(&mut self, overlay: Overlay) -> Result<(), ScreenError> {
        let Some(Last { picture, own, status }) = &self.last else { return Ok(()) };
        self.canvas.paint(&View { picture, own: own.as_ref(), status, overlay }, self.window.get_size());
        self.drawn_at = self.clock.now();
        self.asked_at = self.drawn_at;
        let Canvas { pixels, width, height, .. } = &self.canvas;
        self.window.update_with_buffer(pixels, *width, *height).map_err(|error| ScreenError::Window(error.to_string()))
    }
}

/// Hears each key when the window system tells of it. Asking minifb which keys are down now would miss one that was
/// pressed and let go between two pictures.
struct Ear(Rc<RefCell<Keyboard>>);

impl minifb::InputCallback for Ear {
    fn add_char(&mut self, _letter: u32) {}

    fn set_key_state(&mut self, key: minifb::Key, is_down: bool) {
        self.0.borrow_mut().handle_key(key, is_down);
    }
}

#[derive(Default)]
struct Keyboard {
    pressed: Vec<Key>,
    control_is_down: bool,
    /// Keys that change something with each press, and are down now.
    down: Vec<Key>,
}

impl Keyboard {
    fn handle_key(&mut self, key: minifb::Key, is_down: bool) {
        use minifb::Key as Name;
        let meaning = match key {
            Name::LeftCtrl | Name::RightCtrl => {
                self.control_is_down = is_down;
                None
            }
            Name::Q | Name::Escape => Some(Key::Quit),
            Name::C if self.control_is_down => Some(Key::Quit),
            Name::I => self.once(Key::Overlay, is_down),
            Name::M => self.once(Key::Mute, is_down),
            Name::C => self.once(Key::Camera, is_down),
            Name::N => self.once(Key::NextMicrophone, is_down),
            Name::L => self.once(Key::NextSpeaker, is_down),
            Name::Space => Some(Key::Talk),
            _ => None,
        };
        if let Some(meaning) = meaning.filter(|_| is_down && self.pressed.len() < PRESSED_LIMIT) {
            self.pressed.push(meaning);
        }
    }

    /// Held down, a key is told again and again; the overlay shall not flicker, nor the camera.
    fn once(&mut self, key: Key, is_down: bool) -> Option<Key> {
        let was_down = self.down.contains(&key);
        self.down.retain(|other| *other != key);
        self.down.extend(is_down.then_some(key));
        (!was_down).then_some(key)
    }
}

/// Keys kept until they are polled; nobody types more between two pictures.
const PRESSED_LIMIT: usize = 16;
/// Under this width a window is opened at a multiple of the picture's size.
const SMALL_WIDTH: usize = 480;
/// Over this a window is opened at a fraction of the picture's size: most displays have room for it.
const LARGE_WIDTH: usize = 1600;
const LARGE_HEIGHT: usize = 1000;
/// Asking for keys is a round trip to the window system: often enough for fingers, not for a loop that spins.
const ASK_EVERY: Duration = Duration::from_millis(10);
const REDRAW_AFTER: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;
    use minifb::Key as Name;

    fn typed(keys: &[(Name, bool)]) -> Vec<Key> {
        let mut keyboard = Keyboard::default();
        keys.iter().for_each(|(key, is_down)| keyboard.handle_key(*key, *is_down));
        keyboard.pressed
    }

    #[test]
    fn a_key_pressed_and_let_go_at_once_is_heard() {
        assert_eq!(typed(&[(Name::Q, true), (Name::Q, false)]), [Key::Quit]);
    }

    #[test]
    fn c_quits_only_with_control() {
        assert_eq!(typed(&[(Name::C, true), (Name::C, false)]), [Key::Camera]);
        assert_eq!(typed(&[(Name::LeftCtrl, true), (Name::C, true)]), [Key::Quit]);
        assert_eq!(typed(&[(Name::LeftCtrl, true), (Name::LeftCtrl, false), (Name::C, true)]), [Key::Camera]);
    }

    #[test]
    fn a_key_held_down_turns_the_overlay_once() {
        assert_eq!(typed(&[(Name::I, true), (Name::I, true), (Name::I, true), (Name::I, false)]), [Key::Overlay]);
        assert_eq!(typed(&[(Name::I, true), (Name::I, false), (Name::I, true)]), [Key::Overlay, Key::Overlay]);
    }

    #[test]
    fn the_space_bar_is_told_for_as_long_as_it_is_held() {
        assert_eq!(typed(&[(Name::Space, true), (Name::Space, true), (Name::Space, false)]), [Key::Talk; 2]);
    }

    #[test]
    fn a_cat_on_the_keyboard_fills_no_memory() {
        assert_eq!(typed(&[(Name::Q, true); 1000]).len(), PRESSED_LIMIT);
    }
}
