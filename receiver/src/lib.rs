//! Datagrams in, images out, and which states are held. Sans-IO.
