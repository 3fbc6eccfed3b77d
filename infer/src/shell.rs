//! What models cannot know: which files there are and what is in them, what a compiler says of a source and of a link, and which
//! files a toolchain is.

mod call;
mod files;
mod links;
mod programs;
mod toolchain;

pub use call::{Outcome, Site, put_off};
pub use files::read_placeholder;
pub use programs::{MODELS_MARK, real_path, real_program};
