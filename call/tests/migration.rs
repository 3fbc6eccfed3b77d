//! A call whose caller changes networks: between the two stands an address translator of the test's own, which lets the caller's address
//! change, or its network be gone.

#![expect(clippy::unwrap_used, reason = "what arranges a test fails the test")]

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oyster_call::camera::{Camera, Source, Wanted};
use oyster_call::connection::{DEFAULT_PATIENCE, Event, Identity, KnownPeers, Network, Session};
use oyster_call::live::{Live, What};
use oyster_call::{Clock, Happening, Stop};
use oyster_codec::Size;
use oyster_transport::SenderConfig;

/// Translates addresses: the host sees those who dial it at sockets of the translator's.
#[derive(Clone)]
struct Translator {
    near: Arc<UdpSocket>,
    host: SocketAddr,
    /// Packets of earlier networks are lost, both ways.
    network: Arc<AtomicU64>,
    /// Callers whose network is gone.
    gone: Arc<Mutex<Vec<SocketAddr>>>,
    known: Arc<Mutex<Vec<SocketAddr>>>,
    is_over: Arc<AtomicBool>,
}

impl Translator {
    fn start(host: SocketAddr) -> Self {
        let near = Arc::new(bound());
        let (network, is_over) = (Arc::default(), Arc::default());
        let translator = Self { near, host, network, gone: Arc::default(), known: Arc::default(), is_over };
        let running = translator.clone();
        in_background(move || running.run());
        translator
    }

    fn address(&self) -> SocketAddr {
        self.near.local_addr().unwrap()
    }

    /// The host sees the caller at another address from now on.
    fn change_address(&self) {
        self.network.fetch_add(1, Ordering::SeqCst);
    }

    /// The network that the caller's socket is in is gone.
    fn remove_network(&self) {
        self.change_address();
        *self.gone.lock().unwrap() = self.known.lock().unwrap().clone();
    }

    fn run(self) {
        let mut sockets = HashMap::new();
        let mut packet = [0; 2048];
        while !self.is_over.load(Ordering::SeqCst) {
            let Ok((length, caller)) = self.near.recv_from(&mut packet) else { continue };
            if self.gone.lock().unwrap().contains(&caller) {
                continue;
            }
            let network = self.network.load(Ordering::SeqCst);
            let socket = sockets.entry((caller, network)).or_insert_with(|| {
                self.known.lock().unwrap().push(caller);
                let socket = Arc::new(bound());
                let (translator, back) = (self.clone(), Arc::clone(&socket));
                in_background(move || translator.carry_back(&back, caller, network));
                socket
            });
            let _ = socket.send_to(&packet[..length], self.host);
        }
    }

    fn carry_back(&self, socket: &UdpSocket, caller: SocketAddr, network: u64) {
        let mut packet = [0; 2048];
        while !self.is_over.load(Ordering::SeqCst) && network == self.network.load(Ordering::SeqCst) {
            let Ok((length, _)) = socket.recv_from(&mut packet) else { continue };
            let _ = self.near.send_to(&packet[..length], caller);
        }
    }
}

fn in_background(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().spawn(work).unwrap();
}

fn bound() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    socket
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("oyster-migration-{name}-{}", std::process::id())))
    }

    fn network(&self) -> Network {
        Network::start(Identity::load_or_create(&self.0).unwrap(), DEFAULT_PATIENCE).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const PATIENCE: Duration = Duration::from_secs(30);

/// Says yes, and waits until media may flow.
fn begin(session: &Session, clock: Clock) -> Live {
    loop {
        match session.wait(PATIENCE).expect("the call begins") {
            Event::Ask => session.agree(),
            Event::StartMedia => break,
            Event::Ended { farewell, .. } => panic!("{farewell}"),
            _ => {}
        }
    }
    let live = Live::start(session, SenderConfig::default(), clock).unwrap();
    let wanted = Wanted { size: Some(Size::new(160, 96).unwrap()), frames_per_second: Some(30.0) };
    live.use_camera(Some(Camera::open(&Source::Pattern, wanted, clock, live.wake()).unwrap()));
    live
}

/// When the next picture after `since` could be shown; waits for it.
fn next_picture(live: &Live, since: Duration) -> Duration {
    loop {
        let event = live.events.recv_timeout(PATIENCE).expect("pictures go on");
        if matches!(event.what, What::Here(Happening::Ready(_), _)) && event.at > since {
            return event.at;
        }
    }
}

/// A call across a translator that goes through a change: how long no picture was shown, here and there.
fn gaps(name: &str, change: impl Fn(&Translator)) -> Option<[Duration; 2]> {
    let (ann, bob) = (Folder::new(&format!("{name}-ann")), Folder::new(&format!("{name}-bob")));
    let (at_home, away) = (ann.network(), bob.network());
    let known = KnownPeers::load(&ann.0).unwrap();
    let host = at_home.host(Some((Ipv4Addr::LOCALHOST, 0).into()), known, false).unwrap();
    let translator = Translator::start(host.ticket().addresses()[0]);
    let called = away.call(&host.ticket(), Some(translator.address()), &Stop::new()).unwrap()?;
    let answered = host.wait(PATIENCE).unwrap()?;
    let clock = Clock::start();
    let lives = [begin(&answered, clock), begin(&called, clock)];
    let before = answered.peer_address();
    let mut last =
        [&lives[0], &lives[1]].map(|live| (0..10).fold(Duration::ZERO, |since, _| next_picture(live, since)));
    change(&translator);
    let changed = clock.now();
    let mut gaps = [Duration::ZERO; 2];
    for ((live, last), gap) in lives.iter().zip(&mut last).zip(&mut gaps) {
        // Until pictures have come for a while after the change.
        let mut after = 0;
        while after < 15 {
            let at = next_picture(live, *last);
            *gap = (*gap).max(at - *last);
            after += u32::from(at > changed);
            *last = at;
        }
    }
    assert_ne!(answered.peer_address(), before, "the caller's address has changed");
    translator.is_over.store(true, Ordering::SeqCst);
    drop(lives);
    Some(gaps)
}

#[test]
fn a_call_goes_on_when_the_callers_address_changes() {
    let gaps = gaps("address", Translator::change_address).unwrap();
    eprintln!("no picture for {gaps:?}");
    assert!(gaps.iter().all(|gap| *gap < MOST), "{gaps:?}");
}

#[test]
fn a_call_goes_on_from_another_network_when_the_callers_is_gone() {
    let gaps = gaps("network", Translator::remove_network).unwrap();
    eprintln!("no picture for {gaps:?}");
    assert!(gaps.iter().all(|gap| *gap < MOST), "{gaps:?}");
}

/// Two round trips and a second are asked for, on a machine that has nothing else to do; this one may be slow.
const MOST: Duration = Duration::from_secs(6);
