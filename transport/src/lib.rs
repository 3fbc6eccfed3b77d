//! Carries frames over datagrams: fragments, acks, inter-arrival time, budget, pacing, repair. Sans-IO; payloads are opaque.
