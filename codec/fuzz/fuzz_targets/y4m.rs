//! Any bytes are pictures, an end or an error; what was read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oyster_codec::container::FrameRate;
use oyster_codec::container::y4m::{Y4mReader, Y4mWriter};

fuzz_target!(|bytes: &[u8]| {
    let Ok(reader) = Y4mReader::new(bytes) else { return };
    let size = reader.size();
    let rate = reader.frame_rate().unwrap_or(FrameRate::new(30, 1).expect("not 0"));
    let images: Vec<_> = reader.map_while(Result::ok).collect();
    let mut writer = Y4mWriter::new(Vec::new(), size, rate).expect("memory takes everything");
    for image in &images {
        writer.write_frame(image).expect("of the header's size");
    }
    let written = writer.finish().expect("memory takes everything");
    let again: Result<Vec<_>, _> = Y4mReader::new(&written[..]).expect("our own header").collect();
    assert_eq!(again.expect("our own frames"), images);
});
