//! Pictures come back as they were, their borders repeat their edges, and their names follow what is in them.

use super::*;
use std::io::Read;

fn gradient(size: Size) -> Image {
    let mut image = Image::black(size);
    for (index, sample) in image.i420_mut().iter_mut().enumerate() {
        *sample = (index * 7 % 251) as u8;
    }
    image
}

#[test]
fn an_odd_image_comes_back_cropped() {
    for (width, height) in [(1, 1), (17, 33), (175, 143), (64, 48)] {
        let image = gradient(Size::new(width, height).unwrap());
        let picture = PictureBuffer::from_image(&Serial, &image).freeze();
        assert_eq!(picture.image(), image);
        assert_eq!(picture.rows(Plane::U).len(), image.size().chroma_height());
    }
}

#[test]
fn the_border_repeats_the_outermost_samples() {
    let picture = PictureBuffer::from_image(&Serial, &gradient(Size::new(35, 21).unwrap())).freeze();
    for plane in Plane::ALL {
        let view = picture.plane(plane);
        let (right, bottom) = (view.width as isize - 1, view.height as isize - 1);
        let border = view.border as isize;
        assert_eq!(view.stride % 32, 0);
        for y in -border..=bottom + border {
            for x in -border..=right + border {
                let inside = view.at(x.clamp(0, right), y.clamp(0, bottom))[0];
                assert_eq!(view.at(x, y)[0], inside, "{plane:?} {x} {y}");
            }
        }
        assert!(view.holds(-border, -border, 16, 16) && !view.holds(-border - 1, 0, 16, 16));
        assert!(view.holds(right + 1, 0, view.border, 1) && !view.holds(right + 2, 0, view.border, 1));
    }
}

#[test]
fn the_id_follows_size_and_samples_and_nothing_else() {
    let image = gradient(Size::new(40, 24).unwrap());
    let picture = PictureBuffer::from_image(&Serial, &image).freeze();
    assert_eq!(PictureBuffer::from_image(&Serial, &image).freeze().id(), picture.id());

    let mut other = image.clone();
    let mut rest = image.i420();
    let read = PictureBuffer::from_rows(image.size(), |row| rest.read_exact(row)).unwrap();
    assert_eq!(read.freeze().id(), picture.id());
    other.i420_mut()[500] ^= 1;
    assert_ne!(PictureBuffer::from_image(&Serial, &other).freeze().id(), picture.id());

    let narrower = PictureBuffer::new(Size::new(39, 24).unwrap()).freeze();
    assert_ne!(PictureBuffer::new(Size::new(40, 24).unwrap()).freeze().id(), narrower.id());

    // The written byte order, computed the plain way.
    let mut bytes = vec![40, 0, 24, 0];
    picture.aligned_rows().for_each(|row| bytes.extend_from_slice(row));
    assert_eq!(bytes.len() - 4, Picture::aligned_samples(image.size()));
    assert_eq!(picture.id().0, *blake3::hash(&bytes).as_bytes());
    let mut rest = &bytes[4..];
    let again = Picture::from_aligned_rows(image.size(), |row| rest.read_exact(row)).unwrap();
    assert_eq!(*again, *picture);
}
