//! Puts fragments together into frames: each as soon as it is complete, or in the order of their numbers, and then it
//! decides when an incomplete one is not waited for any longer. What it holds is bounded whatever a peer sends.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::config::{FrameNumber, MAX_FRAME_BYTES, ReceiverConfig};
use crate::exchange::{PartialFrame, ReceivedFrame};
use crate::repair::fill_in;
use crate::wire::{FragmentError, FragmentHeader};

/// Frames in the making.
#[derive(Debug)]
pub(crate) struct Reassembly {
    in_order: bool,
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
    /// Handed on already: what is left of it is not wanted.
    done: bool,
    slices: Vec<Option<Vec<u8>>>,
    /// Numbers and bytes.
    repair: Vec<(usize, Vec<u8>)>,
    /// How long the frame is, if a repair slice told.
    frame_bytes: Option<usize>,
    arrived: usize,
    bytes: usize,
    first_arrival: Duration,
    /// How many slices are here from the beginning, and since when.
    prefix: usize,
    grew_at: Duration,
}

impl Reassembly {
    pub(crate) fn new(config: &ReceiverConfig) -> Self {
        Self {
            in_order: config.in_order,
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
        let frame = u64::from(frame);
        frame < self.head || self.open.get(&frame).is_some_and(|open| open.done)
    }

    /// Frames before this one are not waited for any longer.
    pub(crate) fn forget_before(&mut self, frame: u32) {
        self.head = self.head.max(u64::from(frame));
        let open = self.open.split_off(&self.head);
        let forgotten = std::mem::replace(&mut self.open, open);
        self.stored_bytes -= forgotten.values().map(|open| open.bytes).sum::<usize>();
    }

    /// Takes a fragment of a frame that is not past. One that is there already is left as it is.
    pub(crate) fn insert(&mut self, header: &FragmentHeader, slice: &[u8], now: Duration) -> Result<(), FragmentError> {
        let frame = u64::from(header.frame);
        if let Some(open) = self.open.get(&frame) {
            if open.slices.len() != usize::from(header.count) {
                let expected = u16::try_from(open.slices.len()).unwrap_or(u16::MAX);
                return Err(FragmentError::Contradiction { frame: header.frame, expected, count: header.count });
            }
            if open.bytes + slice.len() > MAX_FRAME_BYTES {
                return Err(FragmentError::FrameTooLarge { frame: header.frame });
            }
        }
        if self.ready.len() >= MAX_READY_FRAMES || self.stored_bytes + slice.len() > MAX_STORED_BYTES {
            return Err(FragmentError::Full);
        }
        let open = self.open.entry(frame).or_insert_with(|| OpenFrame::new(usize::from(header.count), now));
        if open.insert(header, slice) {
            self.stored_bytes += slice.len();
            open.repair_if_possible();
            open.grow_prefix(now);
        }
        Ok(())
    }

    /// The frames whose beginning is here and that are not complete, newest first.
    pub(crate) fn partial<'a>(&'a self) -> impl Iterator<Item = PartialFrame<'a>> {
        let partial = |(&frame, open): (&u64, &'a OpenFrame)| PartialFrame {
            number: FrameNumber(u32::try_from(frame).unwrap_or(u32::MAX)),
            prefix_fragments: u16::try_from(open.prefix).unwrap_or(u16::MAX),
            total_fragments: u16::try_from(open.slices.len()).unwrap_or(u16::MAX),
            grew_at: open.grew_at,
            beginning: open.slices[0].as_deref().unwrap_or_default(),
        };
        let is_partial = |(_, open): &(&u64, &OpenFrame)| !open.done && open.prefix > 0 && !open.is_complete();
        self.open.iter().rev().filter(is_partial).map(partial)
    }

    /// The bytes that are here of a frame from its beginning up to the first fragment that is missing.
    pub(crate) fn prefix(&self, number: FrameNumber) -> Vec<u8> {
        let Some(open) = self.open.get(&u64::from(number.0)) else { return Vec::new() };
        open.slices.iter().map_while(Option::as_deref).flatten().copied().collect()
    }

    /// The next frame that is complete, or not waited for any longer.
    pub(crate) fn poll(&mut self, now: Duration) -> Option<ReceivedFrame> {
        self.advance(now);
        let frame = self.ready.pop_front()?;
        self.stored_bytes -= frame.bytes();
        Some(frame)
    }

    /// Moves on as far as frames are complete or their wait is over.
    pub(crate) fn advance(&mut self, now: Duration) {
        if !self.in_order {
            self.finish_complete();
            return;
        }
        loop {
            if self.open.get(&self.head).is_some_and(OpenFrame::is_complete) {
                self.finish(self.head);
            } else if self.wait_is_over(now) {
                if self.open.contains_key(&self.head) {
                    self.finish(self.head);
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
        if !self.in_order {
            return None;
        }
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

    /// Hands on whatever is complete, and gives up the oldest where too many are open.
    fn finish_complete(&mut self) {
        let complete = |(&frame, open): (&u64, &OpenFrame)| (!open.done && open.is_complete()).then_some(frame);
        while let Some(frame) = self.open.iter().find_map(complete) {
            self.finish(frame);
        }
        while self.open.len() > MAX_OPEN_FRAMES
            && let Some((frame, open)) = self.open.pop_first()
        {
            self.stored_bytes -= open.bytes;
            self.head = frame + 1;
        }
    }

    /// Hands a frame on as it is. In order, all before it are done with; otherwise it is remembered as done.
    fn finish(&mut self, frame: u64) {
        let Some(open) = self.open.remove(&frame) else { return };
        if self.in_order {
            self.head = frame + 1;
        } else {
            let done = OpenFrame { done: true, ..OpenFrame::new(open.slices.len(), open.first_arrival) };
            self.open.insert(frame, done);
        }
        self.stored_bytes -= open.bytes;
        let frame = open.into_frame(FrameNumber(u32::try_from(frame).unwrap_or(u32::MAX)));
        self.stored_bytes += frame.bytes();
        self.ready.push_back(frame);
    }
}

impl OpenFrame {
    /// A frame of so many fragments, none of which is here.
    fn new(count: usize, first_arrival: Duration) -> Self {
        Self {
            done: false,
            slices: vec![None; count],
            repair: Vec::new(),
            frame_bytes: None,
            arrived: 0,
            bytes: 0,
            first_arrival,
            prefix: 0,
            grew_at: first_arrival,
        }
    }

    fn is_complete(&self) -> bool {
        self.arrived == self.slices.len()
    }

    /// Keeps a slice or a repair slice, unless it is there or makes no sense beside the others. Whether it was kept.
    fn insert(&mut self, header: &FragmentHeader, slice: &[u8]) -> bool {
        if let Some(number) = header.repair() {
            let number = usize::from(number);
            let agrees = self.repair.first().is_none_or(|(_, other)| other.len() == slice.len());
            if !agrees || self.repair.iter().any(|&(other, _)| other == number) {
                return false;
            }
            self.frame_bytes = Some(header.frame_bytes as usize);
            self.repair.push((number, slice.to_vec()));
        } else {
            let place = &mut self.slices[usize::from(header.index)]; // index < count was checked when it was read
            if place.is_some() {
                return false;
            }
            *place = Some(slice.to_vec());
            self.arrived += 1;
        }
        self.bytes += slice.len();
        true
    }

    /// Counts what is here from the beginning.
    fn grow_prefix(&mut self, now: Duration) {
        let grown = self.slices[self.prefix..].iter().take_while(|slice| slice.is_some()).count();
        if grown > 0 {
            self.prefix += grown;
            self.grew_at = now;
        }
    }

    /// Fills in what is missing, once enough has arrived. Slices of other lengths than their frame's give no frame.
    fn repair_if_possible(&mut self) {
        let Some(frame_bytes) = self.frame_bytes else { return };
        if self.is_complete() || self.arrived + self.repair.len() < self.slices.len() {
            return;
        }
        let slice_bytes = frame_bytes.div_ceil(self.slices.len());
        let length_of = |index: usize| frame_bytes.saturating_sub(index * slice_bytes).min(slice_bytes);
        let fits =
            |(index, slice): (usize, &Option<Vec<u8>>)| slice.as_ref().is_none_or(|s| s.len() == length_of(index));
        if !self.slices.iter().enumerate().all(fits) || !fill_in(&mut self.slices, &self.repair) {
            return;
        }
        for (index, slice) in self.slices.iter_mut().enumerate() {
            if let Some(slice) = slice {
                slice.truncate(length_of(index));
            }
        }
        self.arrived = self.slices.len();
    }

    fn into_frame(self, number: FrameNumber) -> ReceivedFrame {
        let total = self.slices.len();
        let mut bytes = Vec::with_capacity(self.bytes);
        let mut fragments = 0u16;
        for slice in self.slices.into_iter().map_while(|slice| slice) {
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
        FragmentHeader { sequence: 0, frame, index, count, grace_us: 0, frame_bytes: 0 }
    }

    #[test]
    fn a_peer_cannot_make_it_hold_more_than_the_limits() {
        for in_order in [true, false] {
            let config =
                ReceiverConfig { in_order, reorder_packets: usize::MAX, reorder_wait: Duration::MAX, acks_late: true };
            holds_no_more_than_the_limits(Reassembly::new(&config));
        }
    }

    fn holds_no_more_than_the_limits(mut reassembly: Reassembly) {
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
        assert!(refused > 0 || !reassembly.in_order, "out of order, nothing is ready until it is complete");
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
