//! The program `oyster`: arguments in, words and files out.

fn main() {}
