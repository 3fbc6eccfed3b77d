//! A picture in the terminal, for when there is no window: as graphics where the terminal has them, else in characters of two
//! pixels. Frames a slow terminal cannot take are dropped, not queued ([`Pace`]); the terminal is given back as it was,
//! whatever happens.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use crossterm::{QueueableCommand, cursor, style, terminal};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::termios::{QueueSelector, tcflush, tcgetwinsize};

use super::cells::{CellGrid, compose, diff, settle};
use super::graphics::{Abilities, Graphics, Protocol};
use super::keyboard::{Heard, Keyboard};
use super::kitty::{self, Shared};
use super::pace::Pace;
use super::{Key, ScreenError, View};
use crate::{Clock, Inbox, Worker};

pub(super) struct Terminal {
    input: File,
    output: Arc<File>,
    keyboard: Keyboard,
    pressed: Vec<Key>,
    has_hung_up: bool,
    shown: CellGrid,
    graphics: Graphics,
    /// What it answered to the questions at the beginning.
    abilities: Abilities,
    /// Whether it answered the last of them.
    has_said_all: bool,
    pace: Pace,
    clock: Clock,
    frames_dropped: u64,
    /// Writes frames, so that a terminal that does not read holds up nobody else. `None` only while dropping.
    writer: Option<Worker<io::Result<()>>>,
    written: Inbox<io::Result<()>>,
    is_writing: bool,
}

impl Terminal {
    /// Takes over the terminal on standard output; the error says why that is not possible.
    pub(super) fn open() -> io::Result<Self> {
        if !io::stdout().is_terminal() {
            return Err(io::Error::other("standard output is not a terminal"));
        }
        if std::env::var_os("TERM").is_none_or(|name| name.is_empty() || name == "dumb") {
            return Err(io::Error::other("the terminal cannot move its cursor (TERM is empty or dumb)"));
        }
        let input = if io::stdin().is_terminal() {
            File::from(io::stdin().as_fd().try_clone_to_owned()?)
        } else {
            File::options().read(true).write(true).open("/dev/tty")?
        };
        // Not the locked and buffered stdout: a panic must be able to write while a frame is being written.
        let output = Arc::new(File::from(io::stdout().as_fd().try_clone_to_owned()?));
        let written = Inbox::new();
        let writer = Some(Worker::spawn("terminal", &written)?);
        take_over(&output)?;
        let mut terminal = Self {
            input,
            output,
            keyboard: Keyboard::default(),
            pressed: Vec::new(),
            has_hung_up: false,
            shown: CellGrid::unknown(),
            graphics: Graphics::new(Abilities::default(), true, Shared::new()),
            abilities: Abilities::default(),
            has_said_all: false,
            pace: Pace::new(),
            clock: Clock::start(),
            frames_dropped: 0,
            writer,
            written,
            is_writing: false,
        };
        terminal.ask()?;
        Ok(terminal)
    }

    /// Asks what the terminal can do. The last question is one that every terminal answers; one that is mute after all, or slow,
    /// gets characters.
    fn ask(&mut self) -> io::Result<()> {
        let mut shared = Shared::new();
        // Without shared memory the question names an object that is not there, and the answer is no.
        let name = shared.make(&[0; 3]).unwrap_or_else(|_| "/oyster-none".to_owned());
        let questions = kitty::questions(&name) + CELL_SIZE_QUESTION + ABILITIES_QUESTION;
        (&*self.output).write_all(questions.as_bytes())?;
        let until = self.clock.now() + ABILITIES_PATIENCE;
        while !self.has_said_all && !self.has_hung_up {
            let left = until.saturating_sub(self.clock.now());
            if left.is_zero() || !is_readable(&self.input, left)? {
                break;
            }
            self.listen().map_err(io::Error::other)?;
        }
        if let Ok(size) = tcgetwinsize(&*self.output)
            && let (Some(width), Some(height)) =
                (size.ws_xpixel.checked_div(size.ws_col), size.ws_ypixel.checked_div(size.ws_row))
            && width > 0
        {
            self.abilities.cell.get_or_insert((width, height));
        }
        let is_remote = ["SSH_CONNECTION", "SSH_TTY"].iter().any(|name| std::env::var_os(name).is_some());
        self.graphics = Graphics::new(self.abilities, is_remote, shared);
        HAS_PICTURES
            .store(matches!(self.graphics.protocol, Protocol::KittyShared | Protocol::KittyDirect), Ordering::SeqCst);
        Ok(())
    }

    pub(super) fn show(&mut self, view: &View<'_>) -> Result<(), ScreenError> {
        if !IS_TAKEN.load(Ordering::SeqCst) {
            return Err(ScreenError::Closed);
        }
        self.listen()?;
        self.take_written()?;
        let now = self.clock.now();
        if !self.pace.poll(self.is_writing, now) {
            self.frames_dropped += 1;
            return Ok(());
        }
        let (columns, rows) = self.size();
        let mut words = view.status.rows(view.overlay, columns.saturating_sub(2));
        words.drain(..words.len().saturating_sub(rows / 2));
        let picture_rows = rows - words.len();
        let mut next = match self.graphics.protocol {
            Protocol::HalfBlocks => compose(view.picture, view.own.map(|own| &**own), columns, picture_rows),
            _ => CellGrid::black(columns, picture_rows),
        };
        next.add_words(&words);
        let next = settle(&self.shown, next, self.pace.tolerance());
        let change = diff(&self.shown, &next);
        let picture = self.graphics.draw(view, (columns, picture_rows));
        if !change.is_empty() || !picture.is_empty() {
            let question = if self.pace.handle_sent(now) { QUESTION } else { "" };
            self.write(format!("{UPDATE_BEGINS}{change}{picture}{UPDATE_ENDS}{question}"))?;
            self.shown = next;
        }
        Ok(())
    }

    pub(super) fn poll_keys(&mut self) -> Vec<Key> {
        if self.listen().is_err() || self.has_hung_up {
            return vec![Key::Quit];
        }
        let keys = std::mem::take(&mut self.pressed);
        if keys.contains(&Key::Overlay) {
            // Also the way to a clean picture after some other program wrote to the terminal.
            self.shown = CellGrid::unknown();
        }
        keys
    }

    /// Columns and rows, within limits: a terminal may say anything.
    fn size(&self) -> (usize, usize) {
        let said = tcgetwinsize(&*self.output).map_or((0, 0), |size| (size.ws_col, size.ws_row));
        let (columns, rows) = if said.0 == 0 || said.1 == 0 { SIZE_UNSAID } else { said };
        (usize::from(columns.min(COLUMNS_MOST)), usize::from(rows.min(ROWS_MOST)))
    }

    /// Pixels a picture can have.
    pub(super) fn size_hint(&self) -> (usize, usize) {
        self.graphics.size(self.size())
    }

    pub(super) fn protocol(&self) -> &'static str {
        self.graphics.protocol.name()
    }

    pub(super) fn frames_dropped(&self) -> u64 {
        self.frames_dropped
    }

    /// Hands a frame to the writer, which is idle.
    fn write(&mut self, frame: String) -> Result<(), ScreenError> {
        let output = Arc::clone(&self.output);
        let job = move || (&*output).write_all(frame.as_bytes());
        let taken = self.writer.as_ref().map(|writer| writer.submit(job));
        self.is_writing = matches!(taken, Some(Ok(())));
        if self.is_writing { Ok(()) } else { Err(ScreenError::Closed) }
    }

    fn take_written(&mut self) -> Result<(), ScreenError> {
        if let Some(outcome) = self.written.poll() {
            self.is_writing = false;
            outcome.map_err(ScreenError::Terminal)?;
        }
        Ok(())
    }

    /// Takes in what the terminal has sent, without waiting.
    fn listen(&mut self) -> Result<(), ScreenError> {
        let now = self.clock.now();
        let mut bytes = [0; 1024];
        for _ in 0..READS_MOST {
            if !is_readable(&self.input, Duration::ZERO).map_err(ScreenError::Terminal)? {
                let silence = self.keyboard.handle_silence(now);
                self.handle_heard(silence);
                break;
            }
            let length = self.input.read(&mut bytes).map_err(ScreenError::Terminal)?;
            self.has_hung_up |= length == 0;
            for byte in &bytes[..length] {
                let heard = self.keyboard.handle_byte(*byte, now);
                self.handle_heard(heard);
            }
            if length == 0 {
                break;
            }
        }
        Ok(())
    }

    fn handle_heard(&mut self, heard: Option<Heard>) {
        match heard {
            Some(Heard::Answer) => self.pace.handle_answer(),
            Some(Heard::Abilities { sixel }) => (self.abilities.sixel, self.has_said_all) = (sixel, true),
            Some(Heard::CellSize { width, height }) => self.abilities.cell = Some((width, height)),
            Some(Heard::Picture { number: kitty::DIRECT_QUESTION, is_well }) => self.abilities.kitty_direct = is_well,
            Some(Heard::Picture { number: kitty::SHARED_QUESTION, is_well }) => self.abilities.kitty_shared = is_well,
            Some(Heard::Key(key)) if self.pressed.len() < PRESSED_LIMIT => self.pressed.push(key),
            Some(Heard::Key(_) | Heard::Picture { .. }) | None => (),
        }
    }

    /// Waits a little for the last answers, which else would be typed into the shell.
    fn await_answers(&mut self) {
        let until = self.clock.now() + ANSWERS_PATIENCE;
        while self.pace.is_waiting() && !self.has_hung_up {
            let left = until.saturating_sub(self.clock.now());
            if left.is_zero() || !is_readable(&self.input, left).unwrap_or(false) || self.listen().is_err() {
                break;
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.is_writing && self.written.wait(WRITE_PATIENCE).is_none() {
            // The terminal reads no more; whoever wrote to it now would wait for ever. The thread ends with the process.
            std::mem::forget(self.writer.take());
            IS_TAKEN.store(false, Ordering::SeqCst);
            let _ = terminal::disable_raw_mode();
            return;
        }
        let output = Arc::clone(&self.output);
        give_back(&output, || self.await_answers());
    }
}

/// Whether the terminal is ours now. There is one terminal, and the panic hook must know.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether it may show pictures of kitty's protocol, which do not vanish by themselves.
static HAS_PICTURES: AtomicBool = AtomicBool::new(false);

fn take_over(mut output: &File) -> io::Result<()> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // First the terminal, or nobody could read what the panic says.
            if let Ok(output) = io::stdout().as_fd().try_clone_to_owned() {
                give_back(&File::from(output), || ());
            }
            previous(panic);
        }));
    });
    terminal::enable_raw_mode()?;
    IS_TAKEN.store(true, Ordering::SeqCst);
    let mut begin = Vec::new();
    begin.queue(terminal::EnterAlternateScreen)?.queue(cursor::Hide)?.queue(terminal::DisableLineWrap)?;
    begin.queue(terminal::Clear(terminal::ClearType::All))?;
    output.write_all(&begin).inspect_err(|_| give_back(output, || ()))
}

/// Makes the terminal what it was before [`take_over`]; once. `between` runs before keys are echoed again.
fn give_back(mut output: &File, between: impl FnOnce()) {
    if !IS_TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // Errors have no remedy here: a terminal that is gone needs nothing back.
    let mut end = UPDATE_ENDS.as_bytes().to_vec();
    if HAS_PICTURES.swap(false, Ordering::SeqCst) {
        end.extend_from_slice(kitty::CLEAR.as_bytes());
    }
    let _ = end.queue(style::ResetColor).and_then(|end| end.queue(terminal::EnableLineWrap));
    let _ = end.queue(cursor::Show).and_then(|end| end.queue(terminal::LeaveAlternateScreen));
    let _ = output.write_all(&end);
    between();
    let _ = tcflush(output, QueueSelector::IFlush);
    let _ = terminal::disable_raw_mode();
}

fn is_readable(input: &File, timeout: Duration) -> io::Result<bool> {
    let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
    let mut watched = [PollFd::new(input, PollFlags::IN)];
    match rustix::event::poll(&mut watched, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Synchronised update (DEC private mode 2026): a terminal that knows it shows a frame whole; others pass it over.
const UPDATE_BEGINS: &str = "\x1b[?2026h";
const UPDATE_ENDS: &str = "\x1b[?2026l";
/// DSR, answered with `ESC [ 0 n`.
const QUESTION: &str = "\x1b[5n";
/// XTWINOPS, answered with `ESC [ 6 ; h ; w t`.
const CELL_SIZE_QUESTION: &str = "\x1b[16t";
/// DA1, answered with `ESC [ ? … c`.
const ABILITIES_QUESTION: &str = "\x1b[c";
/// A round trip across the world. Terminals here answer within milliseconds.
const ABILITIES_PATIENCE: Duration = Duration::from_millis(400);
/// What a terminal has that does not say.
const SIZE_UNSAID: (u16, u16) = (80, 24);
/// An 8K display in the smallest font anyone reads; bounds what a frame costs.
const COLUMNS_MOST: u16 = 1000;
const ROWS_MOST: u16 = 500;
/// Keys kept until they are polled.
const PRESSED_LIMIT: usize = 16;
/// Kilobytes taken in at once, so that a file pasted into the terminal does not hold up the picture.
const READS_MOST: usize = 16;
const WRITE_PATIENCE: Duration = Duration::from_millis(500);
/// A terminal this slow makes its person wait anyway; answers that come later are typed into the shell, which is but ugly.
const ANSWERS_PATIENCE: Duration = Duration::from_secs(1);
