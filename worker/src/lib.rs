//! WASM entry of the engine's Web Worker: the host that carries out what `sotto_client::Engine` asks for in a browser.
//!
//! | file | its one job |
//! |---|---|
//! | `tab` | this tab among the others: it leads, follows or searches |
//! | `host` | one engine step at a time, effects strictly in order |
//! | `page` | messages from and to the page |
//! | `channel` | messages from and to the other tabs |
//! | `storage` | the four storage effects, one after another |
//! | `idb` | IndexedDB requests and transactions as futures |
//! | `slots` | the file of the erasable secret |
//! | `device_key` | the storage key's wrap under a non-extractable WebCrypto key |
//! | `locks` | Web Locks |
//! | `socket` | the sync WebSocket |
//! | `http` | calls of `/api/v1` |
//! | `alarm` | the one timer |
//! | `scope` | what the worker's global scope offers |
//!
//! Invariants: the host never looks into bytes; nothing secret is logged; a panic ends the worker instead of going on with a
//! state that was never persisted.

mod alarm;
mod channel;
mod device_key;
mod host;
mod http;
mod idb;
mod locks;
mod page;
mod scope;
mod slots;
mod socket;
mod storage;
mod tab;

use wasm_bindgen::prelude::*;

/// Starts the engine when the module is there. The worker's script (xtask) holds back what the page says before that.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|_| page::last_words()));
    tab::Tab::start();
}
