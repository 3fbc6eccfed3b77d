//! A picture by kitty's graphics protocol (sw.kovidgoyal.net/kitty/graphics-protocol): through shared memory where the terminal
//! is on this machine, else inside the escape sequences themselves. The terminal does the scaling.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use base64::prelude::{BASE64_STANDARD, Engine};

/// Pictures in memory that a terminal on this machine reads and removes. One that it has not removed when the next but one is
/// made is removed here.
pub(super) struct Shared {
    made: u64,
    /// Where the last ones are, or were.
    latest: [Option<PathBuf>; 2],
}

/// How a picture's bytes come to the terminal.
#[derive(Clone, Copy)]
pub(super) enum Bytes<'a> {
    /// The name of a shared memory object.
    Shared(&'a str),
    /// Themselves: red, green, blue.
    Direct(&'a [u8]),
}

impl Shared {
    pub(super) fn new() -> Self {
        Self { made: 0, latest: [const { None }; 2] }
    }

    /// Puts bytes into a new object and says its name.
    pub(super) fn make(&mut self, bytes: &[u8]) -> io::Result<String> {
        let name = format!("oyster-{}-{}", std::process::id(), self.made);
        let path = PathBuf::from(SHARED_MEMORY).join(&name);
        let place = &mut self.latest[(self.made % 2) as usize];
        if let Some(stale) = place.replace(path.clone()) {
            // Usually the terminal has done so.
            let _ = std::fs::remove_file(stale);
        }
        self.made += 1;
        File::options().write(true).create_new(true).open(&path)?.write_all(bytes)?;
        Ok(format!("/{name}"))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for path in self.latest.iter().flatten() {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Two questions whether the terminal knows this protocol: about a pixel in the sequence itself, and about one in an object of
/// shared memory. The answers carry their numbers.
pub(super) fn questions(shared_name: &str) -> String {
    let ask = |number: u32, bytes: Bytes<'_>| sequences(&format!("a=q,i={number},s=1,v=1,f=24"), bytes);
    ask(DIRECT_QUESTION, Bytes::Direct(&[0; 3])) + &ask(SHARED_QUESTION, Bytes::Shared(shared_name))
}

/// Shows a picture of `size` (width, height) pixels over `cells` (columns, rows) from the cursor on, in place of the one shown
/// before. Pictures go by two numbers in turn, so that the old one stays until the new one is there.
pub(super) fn picture(turn: u64, size: (usize, usize), cells: (usize, usize), bytes: Bytes<'_>) -> String {
    let (this, other) = (FIRST_PICTURE + (turn % 2) as u32, FIRST_PICTURE + ((turn + 1) % 2) as u32);
    let ((width, height), (columns, rows)) = (size, cells);
    // q=2: no answers, which would be taken for keys by whoever comes after us. C=1: the cursor stays.
    let about = format!("a=T,i={this},p=1,q=2,f=24,C=1,s={width},v={height},c={columns},r={rows}");
    sequences(&about, bytes) + &format!("\x1b_Ga=d,d=I,i={other},q=2\x1b\\")
}

/// Takes all our pictures away.
pub(super) const CLEAR: &str = "\x1b_Ga=d,d=A,q=2\x1b\\";

/// A command with its bytes, in as many sequences as it takes.
fn sequences(about: &str, bytes: Bytes<'_>) -> String {
    match bytes {
        Bytes::Shared(name) => format!("\x1b_G{about},t=s;{}\x1b\\", BASE64_STANDARD.encode(name)),
        Bytes::Direct(bytes) => {
            let text = BASE64_STANDARD.encode(bytes);
            let chunks = text.as_bytes().chunks(CHUNK_BYTES).map(String::from_utf8_lossy);
            let last = chunks.len().saturating_sub(1);
            let mut written = String::with_capacity(text.len() + 64 * (last + 1));
            for (index, chunk) in chunks.enumerate() {
                let more = u8::from(index < last);
                let about = if index == 0 { format!("{about},t=d,m={more}") } else { format!("m={more},q=2") };
                written.extend(["\x1b_G", &about, ";", &*chunk, "\x1b\\"]);
            }
            written
        }
    }
}

pub(super) const DIRECT_QUESTION: u32 = 31;
pub(super) const SHARED_QUESTION: u32 = 32;
const FIRST_PICTURE: u32 = 33;
/// Where POSIX shared memory is on Linux (shm_overview(7)).
const SHARED_MEMORY: &str = "/dev/shm";
/// The protocol's limit for one sequence.
const CHUNK_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands in what was written, each as its keys and its bytes.
    fn commands(written: &str) -> Vec<(String, Vec<u8>)> {
        let bodies = written.split_terminator("\x1b\\").map(|command| command.strip_prefix("\x1b_G").unwrap());
        let mut commands: Vec<(String, String)> = Vec::new();
        for body in bodies {
            assert!(body.len() < CHUNK_BYTES + 100);
            let (keys, payload) = body.split_once(';').unwrap_or((body, ""));
            match commands.last_mut() {
                Some((first, text)) if first.ends_with("m=1") => {
                    text.push_str(payload);
                    if keys.starts_with("m=0") {
                        *first = first.replace("m=1", "m=0");
                    }
                }
                _ => commands.push((keys.to_owned(), payload.to_owned())),
            }
        }
        commands.into_iter().map(|(keys, text)| (keys, BASE64_STANDARD.decode(text).unwrap())).collect()
    }

    #[test]
    fn a_picture_in_pieces_is_whole() {
        let bytes: Vec<u8> = (0..64 * 48 * 3).map(|index| index as u8).collect();
        let written = picture(0, (64, 48), (80, 20), Bytes::Direct(&bytes));
        let [(keys, sent), (removal, _)] = &commands(&written)[..] else { panic!("{written}") };
        assert!(keys.contains("s=64,v=48,c=80,r=20") && keys.contains("i=33") && removal.contains("i=34"));
        assert_eq!(*sent, bytes);
    }

    #[test]
    fn shared_memory_holds_the_bytes_and_is_gone_afterwards() {
        let mut shared = Shared::new();
        let names = [1, 2, 3].map(|level| shared.make(&[level; 30]).unwrap());
        let paths = names.map(|name| PathBuf::from(format!("{SHARED_MEMORY}{name}")));
        // Nobody took the first; two may be on their way.
        assert!(!paths[0].exists() && std::fs::read(&paths[2]).unwrap() == [3; 30]);
        drop(shared);
        assert!(!paths[1].exists() && !paths[2].exists());
    }

    #[test]
    fn the_name_of_an_object_is_sent_in_place_of_bytes() {
        let written = picture(1, (2, 1), (1, 1), Bytes::Shared("/oyster-1-2"));
        let [(keys, name), (removal, _)] = &commands(&written)[..] else { panic!("{written}") };
        assert!(keys.ends_with("t=s") && keys.contains("i=34") && removal.contains("i=33"));
        assert_eq!(name, b"/oyster-1-2");
    }
}
