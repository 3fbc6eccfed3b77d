//! The folder of a call: its inputs are opened, its outputs begun, and after that the rest of the machine is out of reach.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};

use oyster_excamera::Fill;

use crate::Failed;

/// The files that a call declares, and no others.
pub(crate) struct Folder {
    inputs: RefCell<BTreeMap<&'static str, File>>,
    outputs: RefCell<BTreeMap<&'static str, File>>,
}

impl Folder {
    /// Opens the files that a call `reads`, begins those that it `makes`, and locks this thread in, for good, where the system has
    /// means for that; a `timed` one may ask the clock.
    pub(crate) fn enter(reads: &[&'static str], makes: &[&'static str], timed: bool) -> Result<Self, Failed> {
        let input = |&name: &&'static str| match File::open(name) {
            Ok(file) => Ok((name, file)),
            Err(error) => Err(Failed::Read(name, error)),
        };
        // Nobody looks at an output before the function has ended, so it need not be written beside.
        let output = |&name: &&'static str| match File::create(name) {
            Ok(file) => Ok((name, file)),
            Err(error) => Err(Failed::Write(name, error)),
        };
        let inputs: BTreeMap<_, _> = reads.iter().map(input).collect::<Result<_, _>>()?;
        let outputs: BTreeMap<_, _> = makes.iter().map(output).collect::<Result<_, _>>()?;
        #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            use crate::sandbox::{Clock, Files, enter};
            use std::os::fd::AsFd;
            let files = Files {
                read: &inputs.values().map(AsFd::as_fd).collect::<Vec<_>>(),
                written: &outputs.values().map(AsFd::as_fd).collect::<Vec<_>>(),
            };
            let clock = if timed { Clock::Answers } else { Clock::Refused };
            enter(&files, clock).map_err(|error| Failed::Sandbox(error.to_string()))?;
        }
        Ok(Self { inputs: inputs.into(), outputs: outputs.into() })
    }

    /// An input, which is given once.
    pub(crate) fn input(&self, name: &'static str) -> Result<impl Read + use<>, Failed> {
        let undeclared = || Failed::Read(name, io::ErrorKind::NotFound.into());
        let file = self.inputs.borrow_mut().remove(name).ok_or_else(undeclared)?;
        Ok(BufReader::with_capacity(READ_AT_ONCE_BYTES, file))
    }

    /// All of an input, which is given once.
    pub(crate) fn read(&self, name: &'static str) -> Result<Vec<u8>, Failed> {
        let mut bytes = Vec::new();
        self.input(name)?.read_to_end(&mut bytes).map_err(|error| Failed::Read(name, error))?;
        Ok(bytes)
    }

    /// Has an output written, once.
    pub(crate) fn write(&self, name: &'static str, fill: Fill<'_>) -> Result<(), Failed> {
        let undeclared = || Failed::Write(name, io::ErrorKind::NotFound.into());
        let file = self.outputs.borrow_mut().remove(name).ok_or_else(undeclared)?;
        let mut output = BufWriter::with_capacity(WRITTEN_AT_ONCE_BYTES, file);
        fill(&mut output).and_then(|()| output.flush()).map_err(|error| Failed::Write(name, error))
    }
}

/// Few enough calls, and few pages of memory that are used for nothing else.
const READ_AT_ONCE_BYTES: usize = 16 * 1024;
/// What is written at once lies together in the system's memory, which costs it less.
const WRITTEN_AT_ONCE_BYTES: usize = 64 * 1024;
