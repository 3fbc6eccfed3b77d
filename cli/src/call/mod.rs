//! `oyster answer` and `oyster call`: a call between two machines.

mod answer;
mod dial;
mod diary;
mod figures;
mod log;
mod media;
mod notice;
mod question;
mod records;
mod talk;

pub(crate) use answer::{Arguments as AnswerArguments, run as answer};
pub(crate) use dial::{Arguments as CallArguments, run as call};
