//! Encoding.
mod contexts;
mod motion;
mod price;
mod rate;
mod refine;
mod residue;
mod tokens;
