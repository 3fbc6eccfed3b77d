//! Some seeds of the swarm on every run; `oyster experiment swarm` plays as many as one likes.

use std::time::Duration;

use oyster_experiments::swarm::Swarm;

#[test]
fn calls_recover_from_every_weather() {
    let swarm = Swarm::new(Duration::from_secs(60));
    let findings: Vec<String> = (0..24)
        .chain(ONCE_FOUND)
        .filter_map(|seed| Some(format!("seed {seed} {}\n{}", swarm.play(seed).err()?, swarm.describe(seed))))
        .collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn a_seed_gives_the_same_call_twice() {
    let swarm = Swarm::new(Duration::from_secs(20));
    let twice = || (0..4).map(|seed| swarm.play(seed)).collect::<Vec<_>>();
    assert_eq!(twice(), twice());
}

#[test]
fn one_call_lives_through_many_weathers() {
    let (swarm, mut peers) = (Swarm::new(Duration::from_secs(60)), None);
    let findings: Vec<String> =
        (0..15).filter_map(|seed| Some(format!("weather {seed} {}", swarm.play_on(seed, &mut peers).err()?))).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// What other seeds found: a receiver's clock that leaps after the sender's has was taken for a queue, and a decoder that was slow for a
/// while stayed seconds behind for as long again.
const ONCE_FOUND: [u64; 4] = [5081, 5460, 6203, 8829];
