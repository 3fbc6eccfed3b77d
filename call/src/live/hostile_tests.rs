//! A peer that was let in and means harm: what it may send and what this end makes of it. It speaks QUIC and the dialogue as anyone
//! does, acknowledges our pictures, and sends whatever an attack thinks of beside that.
//!
//! `HOSTILE_SECONDS=60 cargo test --release -p oyster-call hostile -- --nocapture --test-threads 1` lets each attack last so long
//! and tells what it cost; without, each is a few hundred datagrams. `HOSTILE_SEED` replays what was random.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver as Arrived, sync_channel};

use oyster_codec::{
    Effort, Hints, Image, Plan, QuantizerIndex, Size, State, StateReport, StateTag, Transition, analyse, decode,
    show_altref,
};
use oyster_emulator::Random;
use oyster_receiver::{MAX_PICTURE_BYTES, Receiver};
use oyster_signalling::{Farewell, Report};
use oyster_transport::Profile;
use parking_lot::{Mutex, MutexGuard};

use super::line::MAX_TOLD_PICTURES;
use super::*;
use crate::Stop;
use crate::camera::{Source, Wanted};
use crate::connection::{DEFAULT_PATIENCE, Datagrams, Event as Heard, Host, Identity, KnownPeers, Network};

fn random_bytes(dice: &mut Random, count: usize) -> Vec<u8> {
    (0..count).map(|_| dice.bits() as u8).collect()
}

fn any_state(dice: &mut Random) -> StateTag {
    StateTag(dice.bits().to_le_bytes())
}

/// Two machines in one process: one with a call as anyone has it, and one that means harm.
struct Call {
    victim: Session,
    live: Live,
    rogue: Rogue,
    /// Of the rogue's frames, by the victim.
    decoded: u32,
    _host: Host,
    _networks: [Network; 2],
    /// Memory is the process's: one such call at a time.
    _alone: MutexGuard<'static, ()>,
}

struct Rogue {
    session: Session,
    datagrams: Datagrams,
    arrived: Arrived<Bytes>,
    receiver: Receiver,
    clock: Clock,
    dice: Random,
    sequence: u32,
    frame: u32,
    /// The newest honest ack, to be sent again.
    ack: Vec<u8>,
    /// Of the victim's pictures.
    frames_heard: usize,
}

impl Call {
    fn begin(name: &str) -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock();
        let seed = std::env::var("HOSTILE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
        eprintln!("{name}: HOSTILE_SEED={seed}");
        let network = |side: &str| {
            let folder: PathBuf = std::env::temp_dir().join(format!("oyster-{name}-{side}-{}", std::process::id()));
            let network = Network::start(Identity::load_or_create(&folder).unwrap(), DEFAULT_PATIENCE).unwrap();
            let known = KnownPeers::load(&folder).unwrap();
            std::fs::remove_dir_all(folder).unwrap();
            (network, known)
        };
        let ((home, known), (away, _)) = (network("victim"), network("rogue"));
        let host = home.host(Some((Ipv4Addr::LOCALHOST, 0).into()), known, false).unwrap();
        let session = away.call(&host.ticket(), None, &Stop::new()).unwrap().unwrap();
        let victim = host.wait(PATIENCE).unwrap().unwrap();
        [&victim, &session].into_iter().for_each(until_media);
        let clock = Clock::start();
        let live = Live::start(&victim, SenderConfig::default(), clock).unwrap();
        let wanted = Wanted { size: Some(Size::new(160, 96).unwrap()), frames_per_second: Some(30.0) };
        live.use_camera(Some(Camera::open(&Source::Pattern, wanted, clock, live.wake()).unwrap()));
        let (told, arrived) = sync_channel(4096);
        let datagrams = session.datagrams(move |datagram| _ = told.try_send(datagram));
        let rogue = Rogue {
            session,
            datagrams,
            arrived,
            receiver: Receiver::new(Profile::Oyster),
            clock,
            dice: Random::new(seed, 1),
            sequence: 0,
            frame: 0,
            ack: Vec::new(),
            frames_heard: 0,
        };
        Self { victim, live, rogue, decoded: 0, _host: host, _networks: [home, away], _alone: alone }
    }

    /// Lets an attack go on for as long as is asked for, or for `rounds` and until the victim has decoded so many of the rogue's
    /// frames; what the victim pays must stay within bounds, and its own pictures go out during and after it.
    fn endures(mut self, rounds: u32, decoded: u32, mut attack: impl FnMut(&mut Rogue, u32)) {
        let seconds = std::env::var("HOSTILE_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
        self.expect_picture();
        let (before, began, mut sent, mut most) = (resident_kib(), self.rogue.clock.now(), 0, 0);
        for round in 0.. {
            let lasted = self.rogue.clock.now() - began;
            if seconds.map_or(round >= rounds, |seconds| lasted >= Duration::from_secs(seconds))
                && self.decoded >= decoded
            {
                break;
            }
            assert!(lasted < PATIENCE + Duration::from_secs(seconds.unwrap_or(0)), "nothing of the rogue's is decoded");
            attack(&mut self.rogue, round);
            self.rogue.listen();
            // Faster, and the call would end for that alone.
            while f64::from(self.rogue.sequence) > AT_ONCE + A_SECOND * (self.rogue.clock.now() - began).as_secs_f64() {
                self.rogue.listen();
            }
            sent += self.pictures_sent();
            most = most.max(resident_kib());
        }
        let (lasted, grown_kib) = ((self.rogue.clock.now() - began).as_secs_f64(), most.saturating_sub(before));
        eprintln!(
            "{} datagrams in {lasted:.1} s, {} frames decoded; memory {} MiB more at most; {:.1} pictures of our own a second",
            self.rogue.sequence,
            self.decoded,
            grown_kib / 1024,
            f64::from(sent) / lasted
        );
        assert!(grown_kib * 1024 < MEMORY_BYTES, "{before} KiB became {most}");
        self.expect_picture();
        assert!(self.victim.poll().is_none_or(|event| !matches!(event, Heard::Ended { .. })));
    }

    /// Waits until the victim sends another picture.
    fn expect_picture(&mut self) {
        let since = self.rogue.clock.now();
        while self.pictures_sent() == 0 {
            self.rogue.listen();
            assert!(self.rogue.clock.now() < since + PATIENCE, "no picture goes out any more");
        }
    }

    /// How many the victim has sent since it was last asked.
    fn pictures_sent(&mut self) -> u32 {
        let mut sent = 0;
        for event in self.live.events.try_iter() {
            match event.what {
                What::Here(Happening::Decided { decision, .. }, _) => sent += u32::from(decision.sent.is_some()),
                What::Here(Happening::Decoded { .. }, _) => self.decoded += 1,
                _ => {}
            }
        }
        sent
    }

    /// The victim's program ends the call, and says why.
    fn ends_with(mut self, expected: Farewell, mut attack: impl FnMut(&mut Rogue, u32)) {
        let mut rounds = 0..;
        let ended = loop {
            match self.victim.poll() {
                Some(Heard::Ended { farewell, by_us }) => break (farewell, by_us),
                _ => rounds.next().into_iter().for_each(|round| attack(&mut self.rogue, round)),
            }
        };
        assert_eq!(ended, (expected, true));
    }
}

impl Rogue {
    /// Acknowledges what has come, as an honest peer does.
    fn listen(&mut self) {
        // A millisecond at most, so that an attack has a rhythm and no pause.
        let mut arrived = self.arrived.recv_timeout(Duration::from_millis(1)).ok();
        while let Some(datagram) = arrived {
            let now = self.clock.now();
            if let Ok(Datagram::Video(_, fragment)) = Datagram::from_bytes(&datagram) {
                let _ = self.receiver.handle_datagram(fragment, now);
            }
            while let Some(job) = self.receiver.poll_job(now) {
                self.receiver.handle_decoded(job.run());
                self.frames_heard += 1;
            }
            while let Some(ack) = self.receiver.poll_ack(now) {
                self.datagrams.send(Datagram::Ack(&ack).to_bytes());
                self.ack = ack;
            }
            arrived = self.arrived.try_recv().ok();
        }
    }

    fn send(&mut self, datagram: &Datagram<'_>) {
        self.sequence += 1;
        self.datagrams.send(datagram.to_bytes());
    }

    /// A slice of any frame.
    fn slice(&mut self, header: FragmentHeader, slice: &[u8]) {
        let label = Label { capture: self.dice.bits() as u32, captured_tenths: self.dice.bits() as u32 };
        let fragment = FragmentHeader { sequence: self.sequence, ..header }.write(slice);
        self.send(&Datagram::Video(label, &fragment));
    }

    /// A frame as it is to be sent, under the number that is due.
    fn frame(&mut self, transition: &Transition) {
        let bytes = transition.to_bytes();
        let slices: Vec<&[u8]> = bytes.chunks(1000).collect();
        let (frame, count) = (self.frame, slices.len() as u16);
        for (index, slice) in (0..).zip(slices) {
            self.slice(FragmentHeader { sequence: 0, frame, index, count, grace_us: 0, frame_bytes: 0 }, slice);
            // What waits to be sent is bounded: of a large frame it would be lost.
            if index % 32 == 31 {
                self.listen();
            }
        }
        self.frame += 1;
    }

    /// A key frame of this size, made of noise: a few dozen bytes stand for any number of macroblocks. It is valid, and leads
    /// where it says.
    fn noise(&mut self, size: Size, bytes: usize) -> Transition {
        loop {
            // Shown, of profile 0; all else that a header says is noise, too.
            let first_partition = (bytes as u32 / 2).min((1 << 19) - 1);
            let mut frame = (1 << 4 | first_partition << 5).to_le_bytes()[..3].to_vec();
            frame.extend_from_slice(&[0x9d, 0x01, 0x2a]);
            frame.extend_from_slice(&(size.width() as u16).to_le_bytes());
            frame.extend_from_slice(&(size.height() as u16).to_le_bytes());
            frame.extend_from_slice(&random_bytes(&mut self.dice, bytes));
            if let Ok(decoded) = decode(&State::blank(), &frame) {
                return Transition {
                    source: State::blank().id().tag(),
                    target: decoded.target.id().tag(),
                    scaled: None,
                    frame,
                };
            }
        }
    }
}

fn until_media(session: &Session) {
    loop {
        match session.wait(PATIENCE).expect("the call begins") {
            Heard::Ask => session.agree(),
            Heard::StartMedia => return,
            Heard::Ended { farewell, .. } => panic!("{farewell}"),
            _ => {}
        }
    }
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[test]
fn hostile_pictures_of_absurd_sizes() {
    let size = |width, height| Size::new(width, height).unwrap();
    let sizes = [size(4096, 2304), size(16_383, 1), size(1, 16_383), size(1, 1), size(16_383, 576), size(17, 31)];
    Call::begin("absurd-sizes").endures(60, 2, |rogue, round| {
        let transition = rogue.noise(sizes[round as usize % sizes.len()], 60);
        rogue.frame(&transition);
    });
}

#[test]
fn hostile_pictures_that_fill_the_store_of_states() {
    // As large as can be and all different: without a bound in bytes each would add 14 MB.
    Call::begin("many-large").endures(40, 2, |rogue, _| {
        let transition = rogue.noise(Size::new(4096, 2304).unwrap(), 60);
        rogue.frame(&transition);
    });
}

#[test]
fn hostile_states_scaled_to_the_largest_size_again_and_again() {
    // A quarter of a side and three pictures that differ: as much as a few bytes can ask for.
    let small = Size::new(1024, 576).unwrap();
    let level = QuantizerIndex::saturating(60);
    let plans = [Plan::key(level), Plan { refresh_golden: true, ..Plan::inter(level) }, Plan::inter(level)];
    let (mut state, mut begin) = (State::blank(), Vec::new());
    for (plan, luma) in plans.iter().zip([60, 120, 180]) {
        let image = Image::from_i420(small, vec![luma; small.i420_bytes()]).unwrap();
        let frame = analyse(&state, &image, plan, &Hints::default(), Effort::Live).unwrap().finish(level);
        begin.push(frame.transition());
        state = frame.target;
    }
    let mut asked: Vec<Transition> = Vec::new();
    Call::begin("scaled-states").endures(18, 6, |rogue, round| {
        if round % 6 == 0 {
            // Of what was sent before, the victim may have kept nothing.
            begin.iter().for_each(|transition| rogue.frame(transition));
        }
        let round = round as usize % 12;
        if asked.len() == round {
            let size = Size::new(4096 - round as u32, 2304).unwrap();
            asked.push(show_altref(&state.scaled(size)).unwrap().from_scaled(&state).transition());
        }
        rogue.frame(&asked[round]);
    });
}

#[test]
fn hostile_frames_that_are_slow_to_decode() {
    // Noise as tokens: hardly a coefficient is zero.
    Call::begin("slow-frames").endures(4, 2, |rogue, _| {
        let transition = rogue.noise(Size::new(640, 360).unwrap(), 300_000);
        rogue.frame(&transition);
    });
}

#[test]
fn hostile_frames_from_states_that_never_were() {
    Call::begin("no-state").endures(300, 0, |rogue, _| {
        let [source, target] = [(); 2].map(|()| any_state(&mut rogue.dice));
        let frame = random_bytes(&mut rogue.dice, 20_000);
        rogue.frame(&Transition { source, target, scaled: None, frame });
    });
}

#[test]
fn hostile_fragments_of_frames_that_are_never_whole() {
    Call::begin("never-whole").endures(300, 0, |rogue, round| {
        for index in 0..16 {
            let frame = [round, u32::MAX - round, rogue.dice.bits() as u32][round as usize % 3];
            let count = [2048, 64, 1, 65][round as usize % 4];
            let (repair, slice) = (count <= 64 && index % 2 == 0, vec![7; [1, 1000][index as usize % 2]]);
            let frame_bytes = if repair { slice.len() as u32 * u32::from(count) } else { 0 };
            let index = if repair { count + index } else { index.min(count - 1) };
            rogue.slice(FragmentHeader { sequence: 0, frame, index, count, grace_us: u32::MAX, frame_bytes }, &slice);
        }
    });
}

#[test]
fn hostile_acks_that_lie() {
    Call::begin("lying-acks").endures(300, 0, |rogue, _| {
        let Ok((honest, _)) = AckHeader::read(&rogue.ack.clone()) else { return };
        for _ in 0..16 {
            let held = (0..StateReport::MAX_HELD).map(|_| any_state(&mut rogue.dice)).collect();
            let handled = Some(rogue.dice.bits() as u32 >> (rogue.dice.bits() % 32));
            let report = StateReport { current: any_state(&mut rogue.dice), handled, held, prefix: None };
            let ack = AckHeader {
                number: honest.number.wrapping_add((rogue.dice.bits() % 100) as u32),
                received_us: rogue.dice.bits() >> (7 + rogue.dice.bits() % 50),
                bitmap: rogue.dice.bits(),
                run_start: rogue.dice.bits() as u32,
                inter_arrival_us: rogue.dice.bits() as u32,
                ..honest
            };
            rogue.send(&Datagram::Ack(&ack.write(&report.to_bytes())));
        }
    });
}

#[test]
fn hostile_acks_again_and_again() {
    Call::begin("ack-flood").endures(300, 0, |rogue, _| {
        // Within what is let through, yet more than a call ever has.
        for _ in 0..16 {
            let ack = rogue.ack.clone();
            rogue.send(&Datagram::Ack(&ack));
        }
    });
}

#[test]
fn hostile_bytes_of_every_length() {
    Call::begin("every-length").endures(1163, 0, |rogue, round| {
        let mut content = random_bytes(&mut rogue.dice, round as usize % (MAX_DATAGRAM_BYTES + 1));
        let kind = (rogue.dice.bits() % 4) as u8;
        // Of a kind that is looked into: what tells is its first byte.
        if let Some(first) = content.first_mut() {
            *first = 0x10 | kind;
        }
        let label = Label { capture: u32::MAX, captured_tenths: rogue.dice.bits() as u32 };
        rogue.send(
            &[
                Datagram::Audio(&[]),
                Datagram::Video(label, &content),
                Datagram::Ack(&content),
                Datagram::Audio(&content),
            ][usize::from(kind)],
        );
    });
}

#[test]
fn hostile_floods_end_the_call_with_a_reason() {
    Call::begin("report-flood").ends_with(Farewell::Flood, |rogue, round| {
        rogue.session.report(Report { clock_offset_us: Some(round.into()), ..Report::default() });
    });
    Call::begin("datagram-flood").ends_with(Farewell::Flood, |rogue, _| {
        (0..100).for_each(|_| rogue.send(&Datagram::Audio(&[])));
    });
}

#[test]
fn a_listener_that_stands_still_is_left_few_pictures() {
    // As one does whose terminal is stopped (Ctrl-S), whoever is at the other end.
    let mut call = Call::begin("still-listener");
    while call.rogue.frames_heard < 3 * MAX_TOLD_PICTURES {
        call.rogue.listen();
    }
    let told: Vec<Event> = call.live.events.try_iter().collect();
    let pictures = told.iter().filter(|event| matches!(event.what, What::Here(Happening::Captured { .. }, _))).count();
    assert!(told.len() > 2 * MAX_TOLD_PICTURES && pictures == MAX_TOLD_PICTURES, "{pictures} of {}", told.len());
    drop(told);
    call.expect_picture();
}

/// Below what is cut off as a flood.
const AT_ONCE: f64 = 20_000.0;
const A_SECOND: f64 = 15_000.0;
const PATIENCE: Duration = Duration::from_secs(30);
/// What a call with such a peer may take: the receiver's pictures, and a dozen of the largest on their way to a screen.
const MEMORY_BYTES: usize = MAX_PICTURE_BYTES + (200 << 20);
