//! Web Locks: exclusive, held until they are released, stolen, or their worker dies, however it dies.

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;

use crate::scope::scope;

/// Of the tab that leads.
pub(crate) const ENGINE: &str = "sotto-engine";

#[wasm_bindgen]
extern "C" {
    // web-sys has Web Locks behind an unstable cfg only, which would have to be set for every crate of the build.
    type LockManager;

    #[wasm_bindgen(method, catch, js_name = request)]
    fn request(this: &LockManager, name: &str, options: &Object, callback: &Function) -> Result<Promise, JsValue>;
}

/// How to come by a lock that somebody holds.
pub(crate) enum How<'a> {
    /// Behind everybody who waits already.
    Wait,
    /// The same, until told to stop.
    WaitUnless(&'a AbortSignal),
    /// At once: whoever holds it loses it and is told.
    Steal,
}

/// A lock that is held.
pub(crate) struct Held {
    release: Function,
    over: Promise,
}

impl Held {
    /// Lets go of it.
    pub(crate) fn release(&self) {
        let _ = self.release.call0(&JsValue::UNDEFINED);
    }

    /// Ends when the lock is not held any more.
    pub(crate) fn over(&self) -> impl Future<Output = ()> + use<> {
        let over = JsFuture::from(self.over.clone());
        async move { drop(over.await) }
    }
}

/// Whether this browser has them.
pub(crate) fn are_there() -> bool {
    manager().is_some()
}

/// Waits for a lock.
pub(crate) async fn hold(name: &str, how: How<'_>) -> Result<Held, JsValue> {
    let manager = manager().ok_or(JsValue::UNDEFINED)?;
    let options = Object::new();
    match how {
        How::Wait => {}
        How::WaitUnless(signal) => drop(Reflect::set(&options, &"signal".into(), signal)?),
        How::Steal => drop(Reflect::set(&options, &"steal".into(), &JsValue::TRUE)?),
    }
    // The callback answers a promise, and the lock is held until that settles.
    let mut release = None;
    let held = Promise::new(&mut |resolve, _| release = Some(resolve));
    let mut over = Err(JsValue::UNDEFINED);
    let granted = Promise::new(&mut |grant: Function, _| {
        let held = held.clone();
        let callback = Closure::once_into_js(move |_lock: JsValue| {
            let _ = grant.call0(&JsValue::UNDEFINED);
            held
        });
        over = manager.request(name, &options, callback.unchecked_ref());
    });
    let over = over?;
    JsFuture::from(Promise::race(&Array::of2(&granted, &over))).await?;
    Ok(Held { release: release.ok_or(JsValue::UNDEFINED)?, over })
}

fn manager() -> Option<LockManager> {
    let locks = Reflect::get(&scope().navigator(), &"locks".into()).ok()?;
    (!locks.is_undefined() && !locks.is_null()).then(|| locks.unchecked_into())
}
