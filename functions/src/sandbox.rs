//! Code that can compute, take memory and answer, and nothing else: no files, no network, no other programs. Bytes come to it and go
//! from it through memory, or through files that were open before. As the original Lepton, which was left with read and write alone.

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd};

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// Why the sandbox cannot be entered.
#[derive(Debug)]
pub struct SandboxError(String);

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sandbox cannot be entered: {}", self.0)
    }
}

impl std::error::Error for SandboxError {}

/// What is left of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// It answers: threads that wait for one another may ask it, and so does code that only says how long it took.
    Answers,
    /// Who asks it is ended. There is no randomness either, so that what a thread writes depends on what it has read before alone.
    Refused,
}

/// What is left of the files that are open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files<'a> {
    /// These may be read.
    pub read: &'a [BorrowedFd<'a>],
    /// These may be written.
    pub written: &'a [BorrowedFd<'a>],
}

/// Locks the calling thread in, for good: it can compute, take memory, and read and write these files. A call that is not allowed fails.
pub fn enter(files: &Files<'_>, clock: Clock) -> Result<(), SandboxError> {
    let calls = match clock {
        Clock::Answers => [&COMPUTING[..], &WAITING].concat(),
        Clock::Refused => COMPUTING.to_vec(),
    };
    #[cfg(target_arch = "x86_64")]
    if clock == Clock::Refused {
        use rustix::process::{TimeStampCounterReadability, set_time_stamp_counter_readability};
        // The kernel's clock is read from the processor's, without a call.
        set_time_stamp_counter_readability(TimeStampCounterReadability::RaiseSIGSEGV)
            .map_err(|error| SandboxError(error.to_string()))?;
    }
    let program = filter(&calls, files).map_err(|error| SandboxError(error.to_string()))?;
    apply_filter(&program).map_err(|error| SandboxError(error.to_string()))
}

fn filter(calls: &[i64], files: &Files<'_>) -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<_, _> = calls.iter().map(|&call| (call, Vec::new())).collect();
    let one_of = |files: &mut dyn Iterator<Item = i32>| -> Result<Vec<SeccompRule>, BackendError> {
        let is_it = |file| SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, file as u64);
        files.map(|file| SeccompRule::new(vec![is_it(file)?])).collect()
    };
    // A panic says so on standard error first.
    let written = one_of(&mut files.written.iter().map(AsRawFd::as_raw_fd).chain([libc::STDERR_FILENO]))?;
    rules.insert(libc::SYS_writev, written.clone());
    rules.insert(libc::SYS_write, written);
    if !files.read.is_empty() {
        rules.insert(libc::SYS_read, one_of(&mut files.read.iter().map(AsRawFd::as_raw_fd))?);
    }
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let architecture = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, refuse, SeccompAction::Allow, architecture)?.try_into()
}

/// Memory, locks, and the end of a thread.
const COMPUTING: [i64; 18] = [
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_gettid,
    // A handler that does not know a fault hands it on to the system this way.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Waiting for other threads, the clock that waiting may ask, and the seed of their tables.
const WAITING: [i64; 4] =
    [libc::SYS_sched_yield, libc::SYS_sched_getaffinity, libc::SYS_clock_gettime, libc::SYS_getrandom];

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write, pipe};
    use std::net::UdpSocket;
    use std::os::fd::AsFd;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_thread_in_the_sandbox_computes_and_opens_nothing() {
        let inside = || {
            enter(&Files::default(), Clock::Answers).unwrap();
            let memory = vec![1_u8; 1 << 22];
            (memory.iter().map(|&byte| usize::from(byte)).sum::<usize>(), File::open("/dev/null").is_err())
        };
        let outcome = std::thread::scope(|scope| scope.spawn(inside).join().unwrap());
        assert_eq!(outcome, (1 << 22, true));
        assert!(File::open("/dev/null").is_ok(), "the other threads are free");
    }

    #[test]
    fn a_function_has_its_inputs_and_outputs_and_reaches_nothing_else() {
        let (mut output, mut other) = (pipe().unwrap().1, pipe().unwrap().1);
        let (mut input, mut secret) = (pipe().unwrap().0, pipe().unwrap().0);
        let inside = || {
            enter(&Files { read: &[input.as_fd()], written: &[output.as_fd()] }, Clock::Refused).unwrap();
            let mut byte = [0];
            assert_eq!(input.read(&mut byte).unwrap(), 0, "the pipe's writer is gone");
            assert_eq!(secret.read(&mut byte).unwrap_err().raw_os_error(), Some(libc::EPERM));
            // The pipes' readers are gone: a write that is let through says so.
            let told = [output.write(b"x"), other.write(b"x")].map(|written| written.unwrap_err().raw_os_error());
            let reached = [
                File::open("/dev/null").is_ok(),
                UdpSocket::bind("127.0.0.1:0").is_ok(),
                Command::new("/bin/true").status().is_ok(),
            ];
            (told, reached)
        };
        let (told, reached) = std::thread::scope(|scope| scope.spawn(inside).join().unwrap());
        assert_eq!(told, [Some(libc::EPIPE), Some(libc::EPERM)]);
        assert_eq!(reached, [false; 3]);
    }

    #[test]
    fn a_function_that_asks_the_clock_is_ended() {
        let inner = ["--exact", "sandbox::tests::the_clock_is_asked", "--ignored", "--nocapture"];
        let output = Command::new(std::env::current_exe().unwrap()).args(inner).output().unwrap();
        assert!(!output.status.success());
        assert!(!String::from_utf8_lossy(&output.stdout).contains("answered"), "{output:?}");
    }

    #[test]
    #[ignore = "the inner half of a_function_that_asks_the_clock_is_ended: it ends its process"]
    #[expect(clippy::disallowed_methods, reason = "that it is refused is what is tested")]
    fn the_clock_is_asked() {
        let (output, told) = (std::io::stderr(), std::time::Instant::now());
        enter(&Files { written: &[output.as_fd()], ..Files::default() }, Clock::Refused).unwrap();
        let _ = writeln!(&output, "{:?}", told.elapsed());
        std::process::exit(0);
    }
}
