//! The arithmetic that touches every sample, behind safe functions over slices and strides. What stands here is the
//! definition; vector code that replaces it must agree to the bit, because pixels decide state ids.

pub(crate) mod difference;
pub(crate) mod forward;
pub(crate) mod quantise;
pub(crate) mod subpixel;

/// `N` samples of a plane from `at` on.
#[inline(always)]
fn row<const N: usize>(plane: &[u8], at: usize) -> &[u8; N] {
    plane[at..].first_chunk().expect("the block lies within its plane")
}

#[cfg(test)]
mod bench {
    use std::hint::black_box;
    fn time(name: &str, mut f: impl FnMut() -> u32) {
        let mut best = f64::MAX;
        for _ in 0..20 {
            let t = std::time::Instant::now();
            let mut x = 0u32;
            for _ in 0..2000 { x = x.wrapping_add(f()); }
            black_box(x);
            best = best.min(t.elapsed().as_secs_f64() / 2000.0 * 1e9);
        }
        println!("{name} {best:.1} ns");
    }
    #[test]
    #[ignore]
    fn all() {
        let a: Vec<u8> = (0..64 * 64).map(|i| (i * 37 % 251) as u8).collect();
        let b: Vec<u8> = (0..64 * 64).map(|i| (i * 31 % 241) as u8).collect();
        time("sad16", || super::difference::sad_16x16(black_box(&a), 64, black_box(&b), 64));
        time("sad16x4", || super::difference::sad_16x16_four(black_box(&a), 64, black_box(&b), [0,1,64,65], 64)[2]);
        time("var16", || super::difference::variance_16x16(black_box(&a), 64, black_box(&b), 64));
        time("satd16", || super::difference::satd_16x16(black_box(&a), 64, black_box(&b), 64));
        time("satd8", || super::difference::satd_8x8(black_box(&a), 64, black_box(&b), 64));
        time("bilvar h", || super::subpixel::bilinear_variance_16x16(black_box(&a), 64, black_box(&b), 64, 2, 0));
        time("bilvar hv", || super::subpixel::bilinear_variance_16x16(black_box(&a), 64, black_box(&b), 64, 1, 3));
        let mut out = [0i16; 16];
        time("fdct", || { super::forward::forward_dct(black_box(&a), 64, black_box(&b), 64, &mut out); black_box(&out); 0 });
        time("fwht", || u32::from(super::forward::forward_wht(black_box(&out))[3] as u16));
        let q = super::quantise::Quantiser::new(20, 25, &[48; 16]);
        let mut levels = [0i16; 16];
        time("quantise", || q.quantise(black_box(&out), &mut levels) as u32 + levels[3] as u32);
    }
}
