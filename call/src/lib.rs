//! A live call: camera, screen, clock, threads.
