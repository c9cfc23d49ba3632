//! Reading a QR code with the camera, where the browser has a `BarcodeDetector` (Shape Detection API): no code of ours sees a picture.

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlVideoElement, MediaStream, MediaStreamConstraints, MediaStreamTrack};

/// Milliseconds between two looks.
const PAUSE: i32 = 150;

fn detector_class() -> Option<Function> {
    Reflect::get(&js_sys::global(), &"BarcodeDetector".into()).ok()?.dyn_into().ok()
}

/// Whether the browser reads codes.
pub(crate) fn can_scan() -> bool {
    detector_class().is_some()
}

/// The text of the first QR code that the camera sees.
pub(crate) async fn scan(video: String) -> Option<String> {
    let window = web_sys::window()?;
    let document = window.document()?;
    let options = object("formats", &Array::of1(&"qr_code".into()))?;
    let detector = Reflect::construct(&detector_class()?, &Array::of1(&options)).ok()?;
    let detect: Function = Reflect::get(&detector, &"detect".into()).ok()?.dyn_into().ok()?;
    let constraints = MediaStreamConstraints::new();
    constraints.set_video(&object("facingMode", &"environment".into())?);
    let stream = window.navigator().media_devices().ok()?.get_user_media_with_constraints(&constraints).ok()?;
    let stream: MediaStream = JsFuture::from(stream).await.ok()?.dyn_into().ok()?;
    let mut found = None;
    // Gone when the person has closed it.
    while let Some(element) = document.get_element_by_id(&video).and_then(|element| element.dyn_into::<HtmlVideoElement>().ok()) {
        if element.src_object().is_none() {
            element.set_src_object(Some(&stream));
            let _playing = element.play().map(JsFuture::from).ok()?.await;
        }
        found = look(&detect, &detector, &element).await;
        if found.is_some() {
            break;
        }
        let _waited = JsFuture::from(Promise::new(&mut |done, _| {
            let _timer = window.set_timeout_with_callback_and_timeout_and_arguments_0(&done, PAUSE);
        }))
        .await;
    }
    // The light of the camera goes out.
    stream.get_tracks().iter().filter_map(|track| track.dyn_into::<MediaStreamTrack>().ok()).for_each(|track| track.stop());
    found
}

async fn look(detect: &Function, detector: &JsValue, video: &HtmlVideoElement) -> Option<String> {
    let codes: Promise = detect.call1(detector, video).ok()?.dyn_into().ok()?;
    let codes: Array = JsFuture::from(codes).await.ok()?.dyn_into().ok()?;
    Reflect::get(&codes.get(0), &"rawValue".into()).ok()?.as_string()
}

fn object(key: &str, value: &JsValue) -> Option<JsValue> {
    let object = Object::new();
    Reflect::set(&object, &key.into(), value).ok()?;
    Some(object.into())
}
