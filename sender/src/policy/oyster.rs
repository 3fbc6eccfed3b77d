//! Ours: two versions predicted to bracket what the link takes now, a third of one packet for when it takes almost
//! nothing, and a forced one when the picture would otherwise stand still on an idle link.

use std::time::Duration;

use oyster_codec::{QuantizerIndex, Size, StateTag};
use oyster_transport::{Budget, FrameSender, Ingredient};

use super::Verdict;
use super::resolution::Resolution;
use crate::belief::ReceiverBelief;
use crate::job::Versions;

/// The fine version aims just under the budget, for what the prediction misses.
const FINE_SHARE: f64 = 0.97;
/// The coarse one at this much of it, for what the budget loses while encoding (two such versions gain 0.2 dB over
/// one and a third gains nothing: simulation study).
const COARSE_SHARE: f64 = 0.70;
/// On a link that has been silent for a moment, which may be back by the time the frame is there, the fine version is this much of what was
/// allowed while it was heard, the coarse one what keeps the picture alive. With that alone the first frame after each silence was a
/// blur, one frame in fifty with a sixth of all the likeness that is lost: foreman-352x288 over Times Square came to 18.63 dB for 18.93,
/// p95 229 ms for 232. With 0.3 and 1 it was 18.91 and 18.86 dB.
const HEARD_SHARE: f64 = 0.5;
/// For so long: what was allowed before a longer silence says little. Without a bound a key frame went after an outage that nobody
/// needed.
const MOMENT: Duration = Duration::from_millis(300);
/// The first frame's decisions are made here.
const FIRST_QUANTIZER: u8 = 48;
/// So many steps coarser, a frame takes half (`codec.md`: 16 steps make a factor of 3.2; 8 of 2).
const STEPS_PER_HALVING: f64 = 9.5;
/// Coarser than this, next to nothing but modes is left in a frame: it says little about another's size.
const COARSEST_TELLING: u8 = 100;
/// A picture one size larger takes so many times the bytes at the same quantizer (`resolution.rs`: 1.4 to 1.7).
const BYTES_PER_SIZE: f64 = 1.55;
/// No frame has more bytes than this for each of its samples, 8 Mbit/s at 640x360 and 30 a second, and none more than so many in all,
/// 14 Mbit/s. Past it a camera's noise is being sent. With two thirds of it at 352x288 foreman lost 1 dB over Verizon; with 0.18 at
/// 176x144 a call beside Cubic showed 18 pictures a second for 23.
const LARGEST_PER_SAMPLE: f64 = 0.14;
const LARGEST_FRAME: f64 = 60_000.0;
/// Where the link takes this many times the largest frame, one version suffices: what a frame comes to is known well enough from the
/// last one, and neither a wrong guess nor what the budget loses while encoding comes to that. Predicting sizes and making a second version
/// took half of the encoder's time [measured, 640x360]. From twice on, a call beside Cubic and one whose packets come late lost pictures for want of the
/// second.
const ROOMY: f64 = 4.0;
/// But only where frames have come to about that: what leads there in one step is a prediction.
const SETTLED_STEPS: u8 = 3;
/// A version of this many payload bytes fits one packet and is always worth trying on a link that barely moves.
const SURVIVAL_BYTES: usize = 600;
/// With nothing sent for this long, where one packet may go the smallest frame goes however large it is: a scene cut on a
/// slow link, and a link that fell silent, which only a new packet's ack can tell from a dead one.
const STANDSTILL: Duration = Duration::from_millis(150);
/// Braked and with nothing sent for this long: what went before is not counted on any more. Just before the first probe.
const SILENCE: Duration = Duration::from_millis(100);

/// A version of less than this part of what a good picture takes, or of what the link will take after [`PATIENCE`] if that is
/// less, is not worth showing after better ones, where the next picture may be a better one: one that is coarse for a moment
/// flickers, and what likeness it loses is far more than what two that are finer gain.
const WORTHWHILE_SHARE: f64 = 0.5;
/// But so long after the last frame it goes: at 30 pictures a second more than one interval and less than two, so that no two are skipped
/// in a row.
const PATIENCE: Duration = Duration::from_millis(60);
/// And where more than this share of packets is lost: what was sent last may never be shown.
const LITTLE_LOSS: f64 = 0.01;

#[derive(Debug)]
pub(crate) struct Oyster {
    finest: QuantizerIndex,
    /// Quantizer and bytes of the last frame sent, and of the last that tells how large a larger one will be.
    last: Option<(u8, usize)>,
    last_telling: Option<(u8, usize)>,
    last_sent_at: Duration,
    /// What the last frame would have taken to be good: on a slow link, where bits are worth the most, the delay ceiling
    /// stretches towards that.
    good_bytes: usize,
    /// What a frame was last allowed to take while the link was heard.
    heard_bytes: usize,
    resolution: Resolution,
}

impl Oyster {
    pub(crate) fn new(finest: QuantizerIndex) -> Self {
        Self {
            finest,
            last: None,
            last_telling: None,
            last_sent_at: Duration::ZERO,
            good_bytes: 0,
            heard_bytes: 0,
            resolution: Resolution::default(),
        }
    }

    /// What is asked of a link that fell silent is built on what is known to be held: what was sent just before the
    /// silence is probably lost, and if it is not, this is shown all the same.
    pub(crate) fn source(&self, belief: &ReceiverBelief, transport: &FrameSender, now: Duration) -> StateTag {
        let silent = self.unsent_for(now) >= SILENCE && self.budget(transport, now).braked;
        if silent { belief.known() } else { belief.likely() }
    }

    fn unsent_for(&self, now: Duration) -> Duration {
        now.saturating_sub(self.last_sent_at)
    }

    pub(crate) fn size(&self, full: Size) -> Size {
        self.resolution.size(full)
    }

    pub(crate) fn versions(
        &self,
        size: Size,
        encode_time: Duration,
        transport: &FrameSender,
        now: Duration,
    ) -> Versions {
        let largest = ((size.width() * size.height()) as f64 * LARGEST_PER_SAMPLE).min(LARGEST_FRAME);
        let allowed = transport.budget_after(encode_time, self.good_bytes, now);
        if let Some((last, _)) = self.last
            && allowed.payload_bytes as f64 >= ROOMY * largest
        {
            let quantizer = self.expected(largest as usize).max(self.finest);
            if quantizer.value().abs_diff(last) <= SETTLED_STEPS {
                let bytes_max = (allowed.payload_bytes as f64 * COARSE_SHARE) as usize;
                return Versions::Roomy { quantizer, bytes_max };
            }
        }
        let may_be_back = allowed.braked && self.unsent_for(now) < MOMENT;
        let room = if may_be_back { self.heard_bytes as f64 * HEARD_SHARE } else { allowed.payload_bytes as f64 };
        let fine = (room * FINE_SHARE).min(largest) as usize;
        let coarse = if may_be_back { SURVIVAL_BYTES } else { (fine as f64 * COARSE_SHARE) as usize };
        let mut bytes = vec![fine.max(SURVIVAL_BYTES), coarse.max(SURVIVAL_BYTES)];
        bytes.dedup();
        if !may_be_back && !transport.config().has(Ingredient::SecondVersion) {
            bytes.truncate(1);
        }
        let bytes_wanted = bytes[0];
        // The budget may have shrunk to almost nothing by the time the frame is encoded.
        let shrinks = coarse < 3 * SURVIVAL_BYTES && coarse > SURVIVAL_BYTES;
        if shrinks && transport.config().has(Ingredient::Survival) {
            bytes.push(SURVIVAL_BYTES);
        }
        // Into long silence nothing goes but what keeps the picture alive.
        let is_silent = allowed.braked && !may_be_back;
        let expected = if is_silent { QuantizerIndex::MAX } else { self.expected(bytes_wanted) };
        Versions::Fitting { bytes, finest: self.finest, expected }
    }

    /// Where a frame of so many bytes is expected to land. Decisions are made near there: those made for fine pictures cost
    /// so many bits in modes alone that a coarse one of them would be several packets.
    fn expected(&self, bytes: usize) -> QuantizerIndex {
        let Some((quantizer, last_bytes)) = self.last_telling else {
            return QuantizerIndex::saturating(FIRST_QUANTIZER.into());
        };
        if let Some((last_quantizer, last_bytes)) = self.last
            && last_quantizer >= COARSEST_TELLING
            && bytes <= 2 * last_bytes
        {
            return QuantizerIndex::saturating(last_quantizer.into());
        }
        let halvings = (last_bytes as f64 / bytes.max(1) as f64).log2();
        QuantizerIndex::saturating((f64::from(quantizer) + STEPS_PER_HALVING * halvings).round() as i32)
    }

    pub(crate) fn budget(&self, transport: &FrameSender, now: Duration) -> Budget {
        transport.budget_above(self.good_bytes, now)
    }

    pub(crate) fn choose(
        &mut self,
        sizes: &[usize],
        budget: &Budget,
        transport: &FrameSender,
        now: Duration,
    ) -> Verdict {
        let smallest = sizes.len() - 1;
        if !budget.braked && budget.payload_bytes > 0 {
            self.heard_bytes = budget.payload_bytes;
        }
        let waits = self.unsent_for(now) < PATIENCE && transport.loss() < LITTLE_LOSS;
        // On a link that never takes more, there is nothing to wait for.
        let later = transport.budget_after(PATIENCE, self.good_bytes, now).payload_bytes.min(self.good_bytes);
        let is_worthwhile = |bytes: usize| !waits || bytes as f64 >= WORTHWHILE_SHARE * later as f64;
        if let Some(fitting) = sizes.iter().position(|&bytes| bytes <= budget.payload_bytes) {
            return if is_worthwhile(sizes[fitting]) { Verdict::Send(fitting) } else { Verdict::Skip };
        }
        let stands_still = self.unsent_for(now) >= STANDSTILL;
        let Some(survival_bytes) = budget.survival_payload_bytes else { return Verdict::Skip };
        let survives = sizes[smallest] <= survival_bytes && is_worthwhile(sizes[smallest]);
        if survives || stands_still { Verdict::Send(smallest) } else { Verdict::Skip }
    }

    pub(crate) fn handle_encoded(&mut self, good_bytes: usize) {
        self.good_bytes = good_bytes;
    }

    pub(crate) fn handle_fineness(&mut self, full: Size, quantizer: QuantizerIndex, budget: &Budget, now: Duration) {
        // A link that has just fallen silent says nothing of what size it carries.
        if budget.braked {
            return;
        }
        let step = self.resolution.handle_quantizer(full, quantizer, now);
        let bytes_at_new_size = |bytes: usize| (bytes as f64 * BYTES_PER_SIZE.powi(step)) as usize;
        self.good_bytes = bytes_at_new_size(self.good_bytes);
        for (_, bytes) in self.last.iter_mut().chain(&mut self.last_telling) {
            *bytes = bytes_at_new_size(*bytes);
        }
    }

    pub(crate) fn handle_sent(&mut self, quantizer: QuantizerIndex, bytes: usize, now: Duration) {
        self.last = Some((quantizer.value(), bytes));
        if quantizer.value() < COARSEST_TELLING {
            self.last_telling = self.last;
        }
        self.last_sent_at = now;
    }
}
