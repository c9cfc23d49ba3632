//! The one timer: a tick at the time that the engine asked for last.

use std::cell::Cell;
use std::rc::Weak;

use sotto_protocol::Millis;
use wasm_bindgen::prelude::*;

use crate::host::Host;
use crate::scope::{now, scope};

/// Longest delay of `setTimeout`; a longer one would fire at once.
const LONGEST: Millis = i32::MAX as Millis;

/// A timer that can be set again.
pub(crate) struct Alarm {
    at: Cell<Millis>,
    timer: Cell<Option<i32>>,
    on_time: Closure<dyn Fn()>,
}

impl Alarm {
    /// An alarm that is not set; it will call [`Host::alarm_rang`].
    pub(crate) fn new(host: Weak<Host>) -> Self {
        let on_time = Closure::new(move || {
            if let Some(host) = host.upgrade() {
                host.alarm_rang();
            }
        });
        Self { at: Cell::new(0), timer: Cell::new(None), on_time }
    }

    /// Rings at `at`, or at once when that has passed; an earlier setting is forgotten.
    pub(crate) fn set(&self, at: Millis) {
        if let Some(timer) = self.timer.take() {
            scope().clear_timeout_with_handle(timer);
        }
        self.at.set(at);
        let delay = at.saturating_sub(now()).min(LONGEST) as i32;
        let on_time = self.on_time.as_ref().unchecked_ref();
        self.timer.set(scope().set_timeout_with_callback_and_timeout_and_arguments_0(on_time, delay).ok());
    }

    /// Whether the time has come; if it rang too early (rounding, a very long delay), it is set once more.
    pub(crate) fn is_due(&self) -> bool {
        let due = now() >= self.at.get();
        if !due {
            self.set(self.at.get());
        }
        due
    }
}
