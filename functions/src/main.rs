//! The functions in an executable of their own: `make functions` links it statically, so that it runs on a cluster's empty
//! machines, and it is small, as every task is given a copy. Its digest is the functions' name.
//!
//! It is called as the program `oyster` may be in its place: `oyster-functions function encode 40 film 0`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words = match &words[..] {
        [first, rest @ ..] if first == "function" => rest,
        words => words,
    };
    match oyster_functions::run(words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("oyster-functions: {error}");
            ExitCode::FAILURE
        }
    }
}
