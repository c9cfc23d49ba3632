//! The one timer: a tick when the time has passed that the engine asked for last.

use std::cell::Cell;
use std::rc::Weak;

use sotto_client::io::Input;
use sotto_protocol::Millis;
use wasm_bindgen::prelude::*;

use crate::host::Host;
use crate::scope::{now, scope};

/// Longest delay of `setTimeout`; a longer one would fire at once.
const LONGEST: Millis = i32::MAX as Millis;

/// A timer that can be set again.
pub(crate) struct Alarm {
    timer: Cell<Option<i32>>,
    on_time: Closure<dyn Fn()>,
}

impl Alarm {
    /// An alarm that is not set; it will deliver [`Input::Tick`].
    pub(crate) fn new(host: Weak<Host>) -> Self {
        let on_time = Closure::new(move || {
            if let Some(host) = host.upgrade() {
                host.deliver(Input::Tick);
            }
        });
        Self { timer: Cell::new(None), on_time }
    }

    /// Rings at `at`, or at once when that has passed; an earlier setting is forgotten. It may ring too early (rounding, a very long
    /// delay): then the engine sets it again. It never asks the clock whether it is time, since clocks are set back.
    pub(crate) fn set(&self, at: Millis) {
        self.forget();
        let delay = at.saturating_sub(now()).min(LONGEST) as i32;
        let on_time = self.on_time.as_ref().unchecked_ref();
        self.timer.set(scope().set_timeout_with_callback_and_timeout_and_arguments_0(on_time, delay).ok());
    }

    fn forget(&self) {
        if let Some(timer) = self.timer.take() {
            scope().clear_timeout_with_handle(timer);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // The browser would call a closure that is gone.
        self.forget();
    }
}
