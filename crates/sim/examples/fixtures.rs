//! Writes this version's fixture: `cargo run --package sotto-sim --example fixtures`.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use sotto_sim::fixture;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(env!("CARGO_PKG_VERSION"));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    fixture::write(&folder, now).await.map_err(|error| format!("{error:?}"))?;
    Ok(())
}
