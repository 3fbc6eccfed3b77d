//! Images in, datagrams out: which source state, which candidates, which one goes. Sans-IO.
