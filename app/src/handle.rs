//! What the page reaches outside itself: the engine ([`ClientHandle`]) and the browser ([`Platform`]).
//!
//! Both are given by `frontend`. On the server they are empty: a call answers `not_ready`, and no component makes one there,
//! because calls happen in effects and event handlers only.

use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use leptos::prelude::*;
use sotto_client_api::{Command, Reply};
use sotto_protocol::{ErrorCode, Millis};

use crate::theme::Theme;

/// Answer of the engine, later.
pub type Answer = Pin<Box<dyn Future<Output = Result<Reply, ErrorCode>>>>;

/// The engine behind the worker.
pub trait Client: Send + Sync {
    /// Sends a command; the future ends with its one reply.
    fn call(&self, command: Command) -> Answer;
}

/// The browser, as far as the page needs it.
pub trait Browser: Send + Sync {
    /// This device's clock.
    fn now(&self) -> Millis;
    /// Minutes that local time is ahead of UTC at a moment.
    fn utc_offset_minutes(&self, at: Millis) -> i32;
    /// Puts the theme on the document and in its cookie.
    fn set_theme(&self, theme: Theme);
    /// The theme that the document bears.
    fn theme(&self) -> Theme;
    /// The image that was chosen in the file input with this id, square and small: base64 of a JPEG of at most `most` bytes. None for what is
    /// no image.
    fn small_picture(&self, input: &str, most: usize) -> Pin<Box<dyn Future<Output = Option<String>>>>;
    /// Saves a file of these parts where the browser keeps downloads.
    fn save_file(&self, name: &str, kind: &str, parts: &[String]);
    /// Copies text; `true` when the browser did it.
    fn copy(&self, text: String) -> Pin<Box<dyn Future<Output = bool>>>;
    /// Asks the browser not to delete what is kept here when its disk is full.
    fn ask_to_keep(&self);
    /// Whether the browser reads codes that a camera sees.
    fn can_scan(&self) -> bool;
    /// Shows what the camera sees in the `video` element with this id until it sees a QR code or the element is gone. Its text; none without a camera.
    fn scan(&self, video: &str) -> Pin<Box<dyn Future<Output = Option<String>>>>;
    /// Opens the print dialog.
    fn print(&self);
    /// Leaves the page for `path` and loads it anew: the engine starts fresh.
    fn load(&self, path: &str);
    /// Names the document.
    fn set_title(&self, title: &str);
    /// Puts `path` in the place of the address, without loading anything.
    fn replace_path(&self, path: &str);
    /// What stands behind the address from its `#` on.
    fn fragment(&self) -> String;
    /// Scheme, host and port of this site.
    fn origin(&self) -> String;
    /// A small flag of this browser, without secrets ([`flag`]).
    fn flag(&self, name: &str) -> Option<String>;
    /// Sets or (`None`) removes a flag.
    fn set_flag(&self, name: &str, value: Option<&str>);
    /// Moves the focus to the element with this id, if it is there.
    fn focus(&self, id: &str);
    /// Moves the focus among the elements of a group: `step` 1 is the next, -1 the one before, of those that match `selector`.
    fn focus_sibling(&self, selector: &str, step: i32);
}

/// Names of flags that live in this browser until a wipe.
pub mod flag {
    /// "skipped" from the moment a recovery code is made until the person has saved it, "asked" after it was asked for again.
    pub const RECOVERY: &str = "sotto.recovery";
    /// "keep" or "wipe" from the moment of signing out until the server has heard of it.
    pub const SIGNING_OUT: &str = "sotto.signing-out";
}

/// Handle of the engine; copies are one handle.
#[derive(Clone, Copy)]
pub struct ClientHandle(StoredValue<Option<Arc<dyn Client>>>);

impl ClientHandle {
    /// A handle of the given engine, owned by the current reactive owner (the root).
    #[must_use]
    pub fn new(client: Option<Arc<dyn Client>>) -> Self {
        Self(StoredValue::new(client))
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// What the engine answers; `not_ready` where there is none.
    pub async fn call(self, command: Command) -> Result<Reply, ErrorCode> {
        let answer = self.0.with_value(|client| client.as_ref().map(|client| client.call(command)));
        match answer {
            Some(answer) => answer.await,
            None => Err(ErrorCode::NotReady),
        }
    }

    /// Sends a command whose failure nobody has to hear of (drafts, read marks, nudges: the engine repeats or reports them).
    pub fn tell(self, command: Command) {
        leptos::task::spawn_local(async move {
            let _unheard = self.call(command).await;
        });
    }
}

/// Handle of the browser; copies are one handle.
#[derive(Clone, Copy)]
pub struct Platform(StoredValue<Option<Arc<dyn Browser>>>);

impl Platform {
    /// A handle of the given browser, owned by the current reactive owner (the root).
    #[must_use]
    pub fn new(browser: Option<Arc<dyn Browser>>) -> Self {
        Self(StoredValue::new(browser))
    }

    /// Runs with the browser, or answers `absent` on the server.
    pub fn with<T>(self, absent: T, use_browser: impl FnOnce(&dyn Browser) -> T) -> T {
        self.0.with_value(|browser| match browser {
            Some(browser) => use_browser(browser.as_ref()),
            None => absent,
        })
    }

    /// Runs with the browser, if there is one.
    pub fn run(self, use_browser: impl FnOnce(&dyn Browser)) {
        self.with((), use_browser);
    }

    /// Copies text; `true` when the browser did it.
    pub async fn copy(self, text: String) -> bool {
        let copying = self.with(None, |browser| Some(browser.copy(text)));
        match copying {
            Some(copying) => copying.await,
            None => false,
        }
    }
}
