//! Puts fragments together into frames, in the order of frame numbers, and decides when an incomplete frame is not
//! waited for any longer. What it holds is bounded whatever a peer sends.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::config::{FrameNumber, MAX_FRAME_BYTES, ReceiverConfig};
use crate::exchange::ReceivedFrame;
use crate::wire::{FragmentError, FragmentHeader};

/// Frames in the making.
#[derive(Debug)]
pub(crate) struct Reassembly {
    reorder_wait: Duration,
    reorder_packets: usize,
    /// The first frame that is neither handed on nor abandoned.
    head: u64,
    open: BTreeMap<u64, OpenFrame>,
    ready: VecDeque<ReceivedFrame>,
    /// Slices held, in open frames and in ready ones.
    stored_bytes: usize,
}

#[derive(Debug)]
struct OpenFrame {
    fragments: Vec<Option<Box<[u8]>>>,
    arrived: usize,
    bytes: usize,
    first_arrival: Duration,
}

impl Reassembly {
    pub(crate) fn new(config: &ReceiverConfig) -> Self {
        Self {
            reorder_wait: config.reorder_wait,
            reorder_packets: config.reorder_packets,
            head: 0,
            open: BTreeMap::new(),
            ready: VecDeque::new(),
            stored_bytes: 0,
        }
    }

    /// Whether a frame is done with: handed on, abandoned or passed over.
    pub(crate) fn is_past(&self, frame: u32) -> bool {
        u64::from(frame) < self.head
    }

    /// Takes a fragment of a frame that is not past. One that is there already is left as it is.
    pub(crate) fn insert(&mut self, header: &FragmentHeader, slice: &[u8], now: Duration) -> Result<(), FragmentError> {
        let frame = u64::from(header.frame);
        if let Some(open) = self.open.get(&frame) {
            if open.fragments.len() != usize::from(header.count) {
                let expected = u16::try_from(open.fragments.len()).unwrap_or(u16::MAX);
                return Err(FragmentError::Contradiction { frame: header.frame, expected, count: header.count });
            }
            if open.bytes + slice.len() > MAX_FRAME_BYTES {
                return Err(FragmentError::FrameTooLarge { frame: header.frame });
            }
        }
        if self.ready.len() >= MAX_READY_FRAMES || self.stored_bytes + slice.len() > MAX_STORED_BYTES {
            return Err(FragmentError::Full);
        }
        let open = self.open.entry(frame).or_insert_with(|| OpenFrame {
            fragments: vec![None; usize::from(header.count)],
            arrived: 0,
            bytes: 0,
            first_arrival: now,
        });
        let place = &mut open.fragments[usize::from(header.index)]; // index < count was checked when it was read
        if place.is_none() {
            *place = Some(slice.into());
            open.arrived += 1;
            open.bytes += slice.len();
            self.stored_bytes += slice.len();
        }
        Ok(())
    }

    /// The next frame that is complete, or not waited for any longer.
    pub(crate) fn poll(&mut self, now: Duration) -> Option<ReceivedFrame> {
        self.advance(now);
        let frame = self.ready.pop_front()?;
        self.stored_bytes -= stored(&frame);
        Some(frame)
    }

    /// Moves on as far as frames are complete or their wait is over.
    pub(crate) fn advance(&mut self, now: Duration) {
        loop {
            if self.open.get(&self.head).is_some_and(|open| open.arrived == open.fragments.len()) {
                self.finish_head();
            } else if self.wait_is_over(now) {
                if self.open.contains_key(&self.head) {
                    self.finish_head();
                } else if let Some((&oldest, _)) = self.open.first_key_value() {
                    self.head = oldest; // nothing of the frames between arrived
                }
            } else {
                return;
            }
        }
    }

    /// When the oldest incomplete frame will not be waited for any longer.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let overtaken = self.newer().map(|open| open.first_arrival).min()?;
        Some(overtaken.saturating_add(self.reorder_wait))
    }

    fn wait_is_over(&self, now: Duration) -> bool {
        let packets: usize = self.newer().map(|open| open.arrived).sum();
        packets > self.reorder_packets
            || self.open.len() > MAX_OPEN_FRAMES
            || self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// Frames newer than the one that is waited for.
    fn newer(&self) -> impl Iterator<Item = &OpenFrame> {
        self.open.range(self.head + 1..).map(|(_, open)| open)
    }

    fn finish_head(&mut self) {
        let Some(open) = self.open.remove(&self.head) else { return };
        let number = FrameNumber(u32::try_from(self.head).unwrap_or(u32::MAX));
        self.head += 1;
        self.stored_bytes -= open.bytes;
        let frame = open.into_frame(number);
        self.stored_bytes += stored(&frame);
        self.ready.push_back(frame);
    }
}

impl OpenFrame {
    fn into_frame(self, number: FrameNumber) -> ReceivedFrame {
        let total = self.fragments.len();
        let mut bytes = Vec::with_capacity(self.bytes);
        let mut fragments = 0u16;
        for slice in self.fragments.into_iter().map_while(|slice| slice) {
            bytes.extend_from_slice(&slice);
            fragments += 1;
        }
        if usize::from(fragments) == total {
            return ReceivedFrame::Complete { number, payload: bytes };
        }
        bytes.shrink_to_fit();
        let total_fragments = u16::try_from(total).unwrap_or(u16::MAX);
        ReceivedFrame::Abandoned { number, prefix: bytes, prefix_fragments: fragments, total_fragments }
    }
}

fn stored(frame: &ReceivedFrame) -> usize {
    match frame {
        ReceivedFrame::Complete { payload, .. } => payload.len(),
        ReceivedFrame::Abandoned { prefix, .. } => prefix.len(),
    }
}

/// Slices held at once: four of the largest frames. The places for them add at most 32 KiB a frame.
const MAX_STORED_BYTES: usize = 4 * MAX_FRAME_BYTES;

/// Frames open at once: a second of video, far more than the wait for one allows.
const MAX_OPEN_FRAMES: usize = 32;

/// Frames finished and not taken: a caller that polls after every datagram never leaves more than are open.
const MAX_READY_FRAMES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(frame: u32, index: u16, count: u16) -> FragmentHeader {
        FragmentHeader { sequence: 0, frame, index, count, grace_us: 0 }
    }

    #[test]
    fn a_peer_cannot_make_it_hold_more_than_the_limits() {
        let config = ReceiverConfig { reorder_packets: usize::MAX, reorder_wait: Duration::MAX, acks_late: true };
        let mut reassembly = Reassembly::new(&config);
        let mut refused = 0;
        for frame in 0..10_000 {
            for index in 0..4 {
                let inserted = reassembly.insert(&header(frame, index, 2048), &[0; 1500], Duration::ZERO);
                refused += usize::from(inserted == Err(FragmentError::Full));
                reassembly.advance(Duration::ZERO);
                assert!(reassembly.stored_bytes <= MAX_STORED_BYTES);
                assert!(reassembly.open.len() <= MAX_OPEN_FRAMES && reassembly.ready.len() <= MAX_READY_FRAMES);
            }
            if frame == 5000 {
                while reassembly.poll(Duration::ZERO).is_some() {}
            }
        }
        assert!(refused > 0);
    }

    #[test]
    fn a_frame_over_the_size_limit_is_refused_at_the_limit() {
        let mut reassembly = Reassembly::new(&ReceiverConfig::default());
        let whole = MAX_FRAME_BYTES / 1500;
        for index in 0..whole as u16 {
            assert_eq!(reassembly.insert(&header(0, index, 2048), &[0; 1500], Duration::ZERO), Ok(()));
        }
        let over = reassembly.insert(&header(0, whole as u16, 2048), &[0; 1500], Duration::ZERO);
        assert_eq!(over, Err(FragmentError::FrameTooLarge { frame: 0 }));
    }
}
