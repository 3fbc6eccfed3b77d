//! The folder of a call: its inputs are read, its outputs begun, and after that the rest of the machine is out of reach.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};

use crate::Failed;

/// The files that a call declares, and no others.
pub(crate) struct Folder {
    inputs: RefCell<BTreeMap<&'static str, Vec<u8>>>,
    outputs: BTreeMap<&'static str, File>,
}

impl Folder {
    /// Reads the files that a call `reads`, begins those that it `makes`, and locks this thread in, for good, where the system has
    /// means for that; a `timed` one may ask the clock.
    pub(crate) fn enter(reads: &[&'static str], makes: &[&'static str], timed: bool) -> Result<Self, Failed> {
        let input = |&name: &&'static str| match fs::read(name) {
            Ok(bytes) => Ok((name, bytes)),
            Err(error) => Err(Failed::Read(name, error)),
        };
        // Nobody looks at an output before the function has ended, so it need not be written beside.
        let output = |&name: &&'static str| match File::create(name) {
            Ok(file) => Ok((name, file)),
            Err(error) => Err(Failed::Write(name, error)),
        };
        let folder = Self {
            inputs: RefCell::new(reads.iter().map(input).collect::<Result<_, _>>()?),
            outputs: makes.iter().map(output).collect::<Result<_, _>>()?,
        };
        #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            use crate::sandbox::{Clock, enter};
            use std::os::fd::AsFd;
            let outputs: Vec<_> = folder.outputs.values().map(AsFd::as_fd).collect();
            let clock = if timed { Clock::Answers } else { Clock::Refused };
            enter(&outputs, clock).map_err(|error| Failed::Sandbox(error.to_string()))?;
        }
        Ok(folder)
    }

    /// An input, which is given once.
    pub(crate) fn read(&self, name: &'static str) -> Result<Vec<u8>, Failed> {
        let undeclared = || Failed::Read(name, io::ErrorKind::NotFound.into());
        self.inputs.borrow_mut().remove(name).ok_or_else(undeclared)
    }

    /// Writes an output.
    pub(crate) fn write(&self, name: &'static str, bytes: &[u8]) -> Result<(), Failed> {
        let undeclared = || Failed::Write(name, io::ErrorKind::NotFound.into());
        let mut output = self.outputs.get(name).ok_or_else(undeclared)?;
        output.write_all(bytes).map_err(|error| Failed::Write(name, error))
    }
}
