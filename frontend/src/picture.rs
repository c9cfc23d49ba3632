//! Pictures of people and groups: drawn anew and small, so that nothing of the file but what is seen leaves this browser (no place, no camera).

use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlInputElement, ImageBitmap};

/// Pixels on a side.
const SIDE: u32 = 160;
/// Qualities that are tried until the picture is small enough.
const QUALITIES: [f64; 4] = [0.85, 0.7, 0.5, 0.3];
const PREFIX: &str = "data:image/jpeg;base64,";

/// Base64 of the middle of the image in a file input, as a JPEG of at most `most` bytes. None for what is no image.
pub(crate) async fn small(input: String, most: usize) -> Option<String> {
    let window = web_sys::window()?;
    let document = window.document()?;
    let input: HtmlInputElement = document.get_element_by_id(&input)?.dyn_into().ok()?;
    let file = input.files()?.get(0)?;
    let bitmap = JsFuture::from(window.create_image_bitmap_with_blob(&file).ok()?).await.ok()?;
    let bitmap: ImageBitmap = bitmap.dyn_into().ok()?;
    let canvas: HtmlCanvasElement = document.create_element("canvas").ok()?.dyn_into().ok()?;
    canvas.set_width(SIDE);
    canvas.set_height(SIDE);
    let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    let (width, height) = (f64::from(bitmap.width()), f64::from(bitmap.height()));
    let side = width.min(height);
    let (left, top, drawn) = ((width - side) / 2.0, (height - side) / 2.0, f64::from(SIDE));
    // A JPEG has no see-through parts; they would be black.
    context.set_fill_style_str("#fff");
    context.fill_rect(0.0, 0.0, drawn, drawn);
    context
        .draw_image_with_image_bitmap_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(&bitmap, left, top, side, side, 0.0, 0.0, drawn, drawn)
        .ok()?;
    bitmap.close();
    QUALITIES.into_iter().find_map(|quality| {
        let url = canvas.to_data_url_with_type_and_encoder_options("image/jpeg", &JsValue::from_f64(quality)).ok()?;
        let text = url.strip_prefix(PREFIX)?;
        (text.len() / 4 * 3 <= most).then(|| text.to_owned())
    })
}
