//! Encoding.
mod contexts;
mod motion;
mod price;
mod rate;
mod residue;
mod tokens;
