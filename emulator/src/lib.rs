//! Network links driven by mahimahi trace files: in virtual time, as a UDP relay, as a shell.
