//! Encoding.
mod motion;
mod price;
mod rate;
mod tokens;
