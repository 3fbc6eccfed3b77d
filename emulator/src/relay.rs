//! Two links in real time between UDP sockets: a peer dials the relay, its datagrams cross the one link towards a fixed
//! address, the answers come back across the other. One task, no root.
//!
//! Arrivals are at the link's whole milliseconds; the timer hands them on up to about a millisecond late.

use crate::link::{Link, LinkFigures};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;

/// A UDP relay that has its sockets and waits to be run.
#[derive(Debug)]
pub struct Relay {
    /// Where the peer dials.
    near: UdpSocket,
    /// Connected to the far end.
    far: UdpSocket,
    /// Who dialled last; answers go there.
    peer: Option<SocketAddr>,
    /// What a payload has around it on the wire.
    header_bytes: usize,
    up: Link<Vec<u8>>,
    down: Link<Vec<u8>>,
    started: Instant,
    figures: RelayFigures,
}

/// What a relay has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayFigures {
    /// The link from the peer to the far end.
    pub up: LinkFigures,
    /// The link back.
    pub down: LinkFigures,
    /// Datagrams over [`MAX_DATAGRAM_BYTES`], which were thrown away.
    pub oversized_datagrams: u64,
    /// Datagrams that had crossed but that the system would not send, or for which no peer had dialled yet.
    pub unsent_datagrams: u64,
}

impl Relay {
    /// Opens the sockets. Time 0 of both links is now. Datagrams count 28 bytes more than their payload on the wire
    /// (UDP and IPv4; 48 with IPv6), so `LinkConfig::opportunity_bytes` is to be 1500.
    ///
    /// # Errors
    /// When the system refuses a socket.
    pub async fn bind(listen: SocketAddr, to: SocketAddr, up: Link<Vec<u8>>, down: Link<Vec<u8>>) -> io::Result<Self> {
        let near = UdpSocket::bind(listen).await?;
        let (any, header_bytes): (SocketAddr, usize) = match to {
            SocketAddr::V4(_) => ((Ipv4Addr::UNSPECIFIED, 0).into(), IPV4_AND_UDP_BYTES),
            SocketAddr::V6(_) => ((Ipv6Addr::UNSPECIFIED, 0).into(), IPV6_AND_UDP_BYTES),
        };
        let far = UdpSocket::bind(any).await?;
        far.connect(to).await?;
        Ok(Self { near, far, peer: None, header_bytes, up, down, started: clock(), figures: RelayFigures::default() })
    }

    /// Where a peer dials, with the port that the system chose if 0 was asked for.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.near.local_addr()
    }

    /// Time 0 of both links.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Relays until `until` is done, then closes the sockets; what is still on its way is lost. A far end that is not
    /// there (yet) is no error.
    ///
    /// # Errors
    /// When a socket fails for good.
    pub async fn run(mut self, until: impl Future<Output = ()>) -> io::Result<RelayFigures> {
        let mut until = std::pin::pin!(until);
        // A byte more than the limit, to tell what is over it.
        let mut from_near = vec![0; MAX_DATAGRAM_BYTES + 1];
        let mut from_far = from_near.clone();
        loop {
            self.deliver().await;
            let wake = self.wake();
            tokio::select! {
                biased;
                () = &mut until => return Ok(self.figures()),
                received = self.near.recv_from(&mut from_near) => {
                    if let Some((length, peer)) = unless_nobody_there(received)? {
                        self.peer = Some(peer);
                        self.handle_datagram(Direction::Up, &from_near[..length]);
                    }
                }
                received = self.far.recv(&mut from_far) => {
                    if let Some(length) = unless_nobody_there(received)? {
                        self.handle_datagram(Direction::Down, &from_far[..length]);
                    }
                }
                () = tokio::time::sleep_until(wake.unwrap_or(self.started).into()), if wake.is_some() => {}
            }
        }
    }

    fn handle_datagram(&mut self, direction: Direction, payload: &[u8]) {
        if payload.len() > MAX_DATAGRAM_BYTES {
            self.figures.oversized_datagrams += 1;
            return;
        }
        let now = clock().duration_since(self.started);
        let link = match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        };
        link.send(payload.to_vec(), payload.len() + self.header_bytes, now);
    }

    /// Hands on what has arrived.
    async fn deliver(&mut self) {
        let now = clock().duration_since(self.started);
        while let Some(delivery) = self.up.poll(now) {
            self.figures.unsent_datagrams += u64::from(self.far.send(&delivery.packet).await.is_err());
        }
        while let Some(delivery) = self.down.poll(now) {
            let sent = match self.peer {
                Some(peer) => self.near.send_to(&delivery.packet, peer).await.is_ok(),
                None => false,
            };
            self.figures.unsent_datagrams += u64::from(!sent);
        }
    }

    fn wake(&self) -> Option<Instant> {
        let wake: Option<Duration> = [self.up.poll_timeout(), self.down.poll_timeout()].into_iter().flatten().min();
        self.started.checked_add(wake?)
    }

    fn figures(&self) -> RelayFigures {
        RelayFigures { up: self.up.figures(), down: self.down.figures(), ..self.figures }
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// A refusal comes back from a port where nobody listens (yet); that is the far end's affair.
fn unless_nobody_there<T>(received: io::Result<T>) -> io::Result<Option<T>> {
    match received {
        Ok(received) => Ok(Some(received)),
        Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[expect(clippy::disallowed_methods, reason = "the relay is the part of the emulator that runs in real time")]
fn clock() -> Instant {
    Instant::now()
}

/// The largest payload that is relayed: a jumbo frame's. It bounds what a full link can hold in memory.
pub const MAX_DATAGRAM_BYTES: usize = 9000;

/// Headers that a payload has on the wire.
const IPV4_AND_UDP_BYTES: usize = 28;
const IPV6_AND_UDP_BYTES: usize = 48;
