//! A decoding thread that can compute, take memory and answer, and nothing else: no files, no network, no other programs.
//! Bytes come to it and go from it through memory. As the original Lepton, which was left with read and write alone.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

/// Locks the calling thread in, for good. A call that is not allowed fails.
pub(crate) fn enter() -> Result<()> {
    let freely = CALLS.iter().map(|&call| (call, Vec::new()));
    // A panic of the model's is caught, and says so on standard error first.
    let to_errors = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, 2)?;
    let writing = [libc::SYS_write, libc::SYS_writev];
    let mut rules: BTreeMap<_, _> = freely.collect();
    for call in writing {
        rules.insert(call, vec![SeccompRule::new(vec![to_errors.clone()])?]);
    }
    let architecture = std::env::consts::ARCH.try_into()?;
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, architecture)?;
    let program: BpfProgram = filter.try_into()?;
    apply_filter(&program).context("the sandbox cannot be entered")
}

/// Memory, waiting for one another, the clock that waiting may ask, and the end of a thread.
const CALLS: [i64; 20] = [
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_in_the_sandbox_computes_and_opens_nothing() {
        let inside = || {
            enter().unwrap();
            let memory = vec![1_u8; 1 << 22];
            (memory.iter().map(|&byte| usize::from(byte)).sum::<usize>(), std::fs::File::open("/dev/null").is_err())
        };
        let outcome = std::thread::scope(|scope| scope.spawn(inside).join().unwrap());
        assert_eq!(outcome, (1 << 22, true));
        assert!(std::fs::File::open("/dev/null").is_ok(), "the other threads are free");
    }
}
