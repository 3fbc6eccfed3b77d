//! How much memory an encoder takes that keeps the states of its last 16 frames, all of which change the whole picture.
//!
//!     cargo run --release -p oyster-codec --example live_states -- IN.y4m

use std::collections::VecDeque;
use std::error::Error;
use std::fs::{self, File};
use std::io::BufReader;

use oyster_codec::container::y4m::Y4mReader;
use oyster_codec::{Effort, Hints, Plan, QuantizerIndex, State, analyse};

/// States that are kept.
const STATES: usize = 16;

/// In the middle of what calls use.
const QUANTIZER: QuantizerIndex = QuantizerIndex::saturating(29);

fn main() -> Result<(), Box<dyn Error>> {
    let input = std::env::args().nth(1).ok_or("usage: live_states IN.y4m")?;
    let mut clip = Y4mReader::new(BufReader::new(File::open(input)?))?;
    let (mut states, mut hints) = (VecDeque::from([State::blank()]), Hints::default());
    while let Some(image) = clip.read_frame()? {
        let state = &states[states.len() - 1];
        let plan = if state.references().is_none() { Plan::key(QUANTIZER) } else { Plan::inter(QUANTIZER) };
        let analysis = analyse(state, &image, &plan, &hints, Effort::Live)?;
        // A pair, as in a call; both states are named.
        let [fine, coarse] = [0, 4].map(|steps| {
            let encoded = analysis.finish(QuantizerIndex::saturating(i32::from(QUANTIZER.value()) + steps));
            encoded.target.id();
            encoded
        });
        hints = analysis.hints();
        drop(coarse);
        states.push_back(fine.target);
        if states.len() > STATES {
            states.pop_front();
        }
    }
    println!("with the states of the last {} frames kept:", states.len());
    let status = fs::read_to_string("/proc/self/status")?;
    let memory = status.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"));
    memory.for_each(|line| println!("{line}"));
    Ok(())
}
