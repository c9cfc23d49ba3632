//! Reading a QR code with the camera: by the browser's `BarcodeDetector` (Shape Detection API) where it has one, otherwise by a module of
//! ours that is loaded when somebody scans for the first time.

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    CanvasRenderingContext2d, Document, HtmlCanvasElement, HtmlScriptElement, HtmlVideoElement, MediaStream, MediaStreamConstraints,
    MediaStreamTrack,
};

use crate::browser::document_data;

/// Milliseconds between two looks.
const PAUSE: i32 = 150;
/// Pixels on the longer side of what our own reader gets: enough for a code that fills a quarter of it, and read in milliseconds.
const SIDE: u32 = 640;
/// Where the script of our own reader puts the promise of its function.
const SCANNER: &str = "sottoScanner";

/// What finds a code in a picture.
enum Reader {
    /// The browser.
    Detector { detector: JsValue, detect: Function },
    /// Our module; it looks at what is drawn on the canvas.
    Module { read: Function, canvas: HtmlCanvasElement },
}

/// Whether there may be a camera: a page that came over plain HTTP is given none.
pub(crate) fn can_scan() -> bool {
    let navigator = web_sys::window().map(|window| window.navigator());
    navigator.and_then(|navigator| Reflect::get(&navigator, &"mediaDevices".into()).ok()).is_some_and(|devices| !devices.is_undefined())
}

/// The text of the first QR code that the camera sees.
pub(crate) async fn scan(video: String) -> Option<String> {
    let window = web_sys::window()?;
    let document = window.document()?;
    let constraints = MediaStreamConstraints::new();
    constraints.set_video(&object("facingMode", &"environment".into())?);
    let stream = window.navigator().media_devices().ok()?.get_user_media_with_constraints(&constraints).ok()?;
    let stream: MediaStream = JsFuture::from(stream).await.ok()?.dyn_into().ok()?;
    let mut found = None;
    let reader = Reader::of_this_browser(&document).await;
    // Gone when the person has closed it.
    while let Some(reader) = &reader
        && let Some(element) = document.get_element_by_id(&video).and_then(|element| element.dyn_into::<HtmlVideoElement>().ok())
    {
        if element.src_object().is_none() {
            element.set_src_object(Some(&stream));
            // Until it plays there is nothing to see, and then the next look sees it.
            if let Ok(playing) = element.play() {
                let _plays = JsFuture::from(playing).await;
            }
        }
        found = reader.look(&element).await;
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

impl Reader {
    async fn of_this_browser(document: &Document) -> Option<Self> {
        match detector() {
            Some(reader) => Some(reader),
            None => module(document).await,
        }
    }

    async fn look(&self, video: &HtmlVideoElement) -> Option<String> {
        match self {
            Self::Detector { detector, detect } => {
                let codes: Promise = detect.call1(detector, video).ok()?.dyn_into().ok()?;
                let codes: Array = JsFuture::from(codes).await.ok()?.dyn_into().ok()?;
                Reflect::get(&codes.get(0), &"rawValue".into()).ok()?.as_string()
            }
            Self::Module { read, canvas } => {
                let longer = video.video_width().max(video.video_height());
                let smaller = |side: u32| (side * SIDE.min(longer)).checked_div(longer).unwrap_or_default();
                let (width, height) = (smaller(video.video_width()), smaller(video.video_height()));
                if width == 0 || height == 0 {
                    return None;
                }
                canvas.set_width(width);
                canvas.set_height(height);
                let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
                let (w, h) = (f64::from(width), f64::from(height));
                context.draw_image_with_html_video_element_and_dw_and_dh(video, 0.0, 0.0, w, h).ok()?;
                let picture = context.get_image_data(0.0, 0.0, w, h).ok()?;
                let pixels = Reflect::get(&picture, &"data".into()).ok()?;
                read.call2(&JsValue::UNDEFINED, &pixels, &width.into()).ok()?.as_string()
            }
        }
    }
}

/// The browser's own reader. Some have the class and read no QR codes: then making one fails.
fn detector() -> Option<Reader> {
    let class: Function = Reflect::get(&js_sys::global(), &"BarcodeDetector".into()).ok()?.dyn_into().ok()?;
    let options = object("formats", &Array::of1(&"qr_code".into()))?;
    let detector = Reflect::construct(&class, &Array::of1(&options)).ok()?;
    let detect = Reflect::get(&detector, &"detect".into()).ok()?.dyn_into().ok()?;
    Some(Reader::Detector { detector, detect })
}

/// Our own reader, under the integrity that the page's HTML names.
async fn module(document: &Document) -> Option<Reader> {
    if scanner().is_none() {
        let script: HtmlScriptElement = document.create_element("script").ok()?.dyn_into().ok()?;
        script.set_type("module");
        script.set_integrity(&document_data("scannerIntegrity")?);
        script.set_src(&document_data("scanner")?);
        let loaded = JsFuture::from(Promise::new(&mut |done, failed| {
            for (event, told) in [("load", &done), ("error", &failed)] {
                // Fails for names of no event only.
                let _listens = script.add_event_listener_with_callback(event, told);
            }
        }));
        document.head()?.append_child(&script).ok()?;
        loaded.await.ok()?;
    }
    let read = JsFuture::from(scanner()?).await.ok()?.dyn_into().ok()?;
    let canvas = document.create_element("canvas").ok()?.dyn_into().ok()?;
    Some(Reader::Module { read, canvas })
}

fn scanner() -> Option<Promise> {
    Reflect::get(&js_sys::global(), &SCANNER.into()).ok()?.dyn_into().ok()
}

fn object(key: &str, value: &JsValue) -> Option<JsValue> {
    let object = Object::new();
    Reflect::set(&object, &key.into(), value).ok()?;
    Some(object.into())
}
