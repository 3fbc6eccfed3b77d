//! Laws of the file formats: what is written is read back, a cut is an error or a clean end, and no bytes panic.

use std::io::Cursor;

use oyster_codec::container::FrameRate;
use oyster_codec::container::ivf::{IvfFrame, IvfReader, IvfWriter};
use oyster_codec::container::y4m::{Y4mReader, Y4mWriter};
use oyster_codec::{Image, Size};
use proptest::collection::vec;
use proptest::prelude::*;

fn rates() -> impl Strategy<Value = FrameRate> {
    (1..=u32::MAX, 1..=u32::MAX).prop_filter_map("a rate", |(frames, seconds)| FrameRate::new(frames, seconds))
}

prop_compose! {
    fn films()(width in 1..40_u32, height in 1..40_u32)
        (size in Just(Size::new(width, height).expect("small")),
         frames in vec(vec(any::<u8>(), Size::new(width, height).expect("small").i420_bytes()), 0..4))
        -> (Size, Vec<Image>) {
        let images = frames.into_iter().map(|i420| Image::from_i420(size, i420).expect("of its size")).collect();
        (size, images)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pictures_come_back_from_y4m((size, images) in films(), rate in rates(), cut in any::<prop::sample::Index>()) {
        let mut writer = Y4mWriter::new(Vec::new(), size, rate).unwrap();
        for image in &images {
            writer.write_frame(image).unwrap();
        }
        let bytes = writer.finish().unwrap();
        let reader = Y4mReader::new(&bytes[..]).unwrap();
        prop_assert_eq!((reader.size(), reader.frame_rate()), (size, Some(rate)));
        prop_assert_eq!(&reader.collect::<Result<Vec<_>, _>>().unwrap(), &images);

        // Cut anywhere, what comes out is a beginning of the film.
        let cut = &bytes[..cut.index(bytes.len())];
        let begun: Vec<Image> = Y4mReader::new(cut).into_iter().flatten().map_while(Result::ok).collect();
        prop_assert!(images.starts_with(&begun));
    }

    #[test]
    fn frames_come_back_from_ivf(
        frames in vec((vec(any::<u8>(), 0..300), any::<u64>()), 0..5),
        rate in rates(),
        cut in any::<prop::sample::Index>(),
    ) {
        let size = Size::new(16, 16).unwrap();
        let mut writer = IvfWriter::new(Cursor::new(Vec::new()), size, rate).unwrap();
        for (bytes, timestamp) in &frames {
            writer.write_frame(bytes, *timestamp).unwrap();
        }
        let file = writer.finish().unwrap().into_inner();
        let frames: Vec<IvfFrame> = frames.into_iter().map(|(bytes, timestamp)| IvfFrame { timestamp, bytes }).collect();
        let reader = IvfReader::new(&file[..]).unwrap();
        prop_assert_eq!(reader.header().rate, Some(rate));
        prop_assert_eq!(reader.header().frames as usize, frames.len());
        prop_assert_eq!(&reader.collect::<Result<Vec<_>, _>>().unwrap(), &frames);

        let cut = &file[..cut.index(file.len())];
        let begun: Vec<IvfFrame> = IvfReader::new(cut).into_iter().flatten().map_while(Result::ok).collect();
        prop_assert!(frames.starts_with(&begun));
    }

    #[test]
    fn no_bytes_panic(mut bytes in vec(any::<u8>(), 0..600), magic in 0..3) {
        let start: &[u8] = [&b"YUV4MPEG2 W4 H4\n"[..], b"DKIF\0\0\x20\0VP80", b""][magic as usize];
        bytes.splice(0..0, start.iter().copied());
        if let Ok(reader) = Y4mReader::new(&bytes[..]) {
            reader.take(100).for_each(drop);
        }
        if let Ok(reader) = IvfReader::new(&bytes[..]) {
            reader.take(100).for_each(drop);
        }
    }
}
