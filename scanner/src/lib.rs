//! Reads a QR code in a picture: the module that a page loads when somebody scans in a browser that has no `BarcodeDetector`. It knows
//! nothing but the picture, and answers text.

use rqrr::PreparedImage;
use wasm_bindgen::prelude::wasm_bindgen;

/// Bytes of a pixel of a canvas: red, green, blue, and how opaque it is.
const PIXEL: usize = 4;

/// The text of the first QR code (ISO/IEC 18004) that can be read in a picture of `width` pixels in each line, four bytes each: red, green,
/// blue, opacity. None where there is no such code, and for a length that is no picture.
#[wasm_bindgen]
#[must_use]
pub fn read_code(rgba: &[u8], width: u32) -> Option<String> {
    let width = usize::try_from(width).ok().filter(|width| *width > 0)?;
    let height = rgba.len() / PIXEL / width;
    if height == 0 || rgba.len() != width * height * PIXEL {
        return None;
    }
    let brightness = |x: usize, y: usize| {
        let at = (y * width + x) * PIXEL;
        let part = |channel: usize, weight: u16| u16::from(rgba.get(at + channel).copied().unwrap_or_default()) * weight;
        // ITU-R BT.601 in parts of 256, as whatever draws codes in colour expects.
        u8::try_from((part(0, 77) + part(1, 150) + part(2, 29)) / 256).unwrap_or(u8::MAX)
    };
    let mut picture = PreparedImage::prepare_from_greyscale(width, height, brightness);
    picture.detect_grids().into_iter().find_map(|grid| grid.decode().ok()).map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SIDE: u32 = 320;

    /// A code as a canvas would give it, `scale` pixels for each module, turned by a quarter when asked.
    fn picture(text: &str, scale: usize, turned: bool) -> Vec<u8> {
        let code = qrcode::QrCode::new(text).unwrap();
        let (modules, side) = (code.to_colors(), SIDE as usize);
        let begins = (side - code.width() * scale) / 2;
        let mut rgba = Vec::new();
        for y in 0..side {
            for x in 0..side {
                let (x, y) = if turned { (side - 1 - y, x) } else { (x, y) };
                let module = |at: usize| at.checked_sub(begins).map(|at| at / scale).filter(|at| *at < code.width());
                let dark = module(x).zip(module(y)).is_some_and(|(x, y)| modules[y * code.width() + x] == qrcode::Color::Dark);
                rgba.extend(if dark { [20, 30, 40, 255] } else { [250, 240, 230, 255] });
            }
        }
        rgba
    }

    #[test]
    fn a_code_is_read_however_it_is_held() {
        for (scale, turned) in [(3, false), (4, true), (6, false)] {
            assert_eq!(read_code(&picture("sotto safety 1", scale, turned), SIDE).as_deref(), Some("sotto safety 1"));
        }
    }

    #[test]
    fn what_is_no_code_or_no_picture_is_nothing() {
        assert_eq!(read_code(&vec![200; (SIDE * SIDE) as usize * PIXEL], SIDE), None);
        assert_eq!(read_code(&[], 0), None);
        assert_eq!(read_code(&[1, 2, 3], 1), None);
        let mut broken = picture("sotto safety 1", 4, false);
        assert_eq!(read_code(&broken[..broken.len() - 1], SIDE), None);
        // Half of it is covered.
        broken.iter_mut().take((SIDE * SIDE) as usize * PIXEL / 2).for_each(|byte| *byte = 255);
        assert_eq!(read_code(&broken, SIDE), None);
    }
}
