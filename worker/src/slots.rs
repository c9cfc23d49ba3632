//! The two slots of the erasable secret: a small file of the origin private file system, overwritten in place and flushed.
//!
//! Whoever has the file open has it alone (the browser sees to that), so it is open for a moment only: a tab that leads after a frozen
//! one must come by it.

use sotto_client::io::Slots;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetFileOptions, FileSystemReadWriteOptions, FileSystemSyncAccessHandle,
};

use crate::scope::{self, error_name, scope};

const FILE: &str = "sotto-slots";
/// Each slot has a page of its own: a write that is cut off spoils one of them at most, and no file system keeps a file of this size
/// within its own records.
const PAGE: u32 = 4096;
/// Another tab has the file for some milliseconds. One that was frozen meanwhile has it for longer.
const TRIES: u32 = 20;
const PAUSE_MS: i32 = 100;

/// The open file.
pub(crate) struct File(FileSystemSyncAccessHandle);

impl File {
    /// Opens it, and makes it where there is none. `NoModificationAllowedError`: another tab has it.
    pub(crate) async fn open() -> Result<Self, JsValue> {
        open_in(&folder().await?, true).await
    }

    /// Overwrites a slot, on disk when this is back.
    pub(crate) fn write(&self, slot: u8, secret: &[u8; 32]) -> Result<(), JsValue> {
        let written = self.0.write_with_u8_array_and_options(secret, &at(slot))?;
        if written < 32.0 { Err(JsValue::UNDEFINED) } else { self.0.flush() }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Both slots; `None` in a browser that has no such file, as in some private windows.
pub(crate) async fn read() -> Result<Option<Slots>, JsValue> {
    let Ok(folder) = folder().await else { return Ok(None) };
    let mut slots = Slots::default();
    if let Some(file) = existing(&folder).await? {
        for (slot, secret) in (0..).zip(slots.iter_mut()) {
            file.0.read_with_u8_array_and_options(secret, &at(slot))?;
        }
    }
    Ok(Some(slots))
}

/// Overwrites both and deletes the file.
pub(crate) async fn erase() -> Result<(), JsValue> {
    let Ok(folder) = folder().await else { return Ok(()) };
    let Some(file) = existing(&folder).await? else { return Ok(()) };
    file.write(0, &[0; 32])?;
    file.write(1, &[0; 32])?;
    drop(file);
    JsFuture::from(folder.remove_entry(FILE)).await.map(drop)
}

async fn folder() -> Result<FileSystemDirectoryHandle, JsValue> {
    let there = scope::has(&["navigator", "storage", "getDirectory"])
        && scope::has(&["FileSystemFileHandle", "prototype", "createSyncAccessHandle"]);
    if !there {
        return Err(JsValue::UNDEFINED);
    }
    Ok(JsFuture::from(scope().navigator().storage().get_directory()).await?.unchecked_into())
}

async fn existing(folder: &FileSystemDirectoryHandle) -> Result<Option<File>, JsValue> {
    match open_in(folder, false).await {
        Ok(file) => Ok(Some(file)),
        Err(error) if error_name(&error) == "NotFoundError" => Ok(None),
        Err(error) => Err(error),
    }
}

async fn open_in(folder: &FileSystemDirectoryHandle, create: bool) -> Result<File, JsValue> {
    let options = FileSystemGetFileOptions::new();
    options.set_create(create);
    let file: FileSystemFileHandle = JsFuture::from(folder.get_file_handle_with_options(FILE, &options)).await?.unchecked_into();
    let mut tries = 0;
    loop {
        tries += 1;
        match JsFuture::from(file.create_sync_access_handle()).await {
            Ok(handle) => return Ok(File(handle.unchecked_into())),
            Err(error) if tries == TRIES || error_name(&error) != "NoModificationAllowedError" => return Err(error),
            Err(_) => scope::sleep(PAUSE_MS).await,
        }
    }
}

fn at(slot: u8) -> FileSystemReadWriteOptions {
    let options = FileSystemReadWriteOptions::new();
    options.set_at_u32(u32::from(slot) * PAGE);
    options
}
