//! Brotli and gzip siblings, kept by content so that an unchanged module is compressed once.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};

use super::{Profile, replace_file};

/// Blocks of 128 KiB: what suits our modules, by trial.
const LGBLOCK: i32 = 17;

/// Compressed bytes of earlier builds.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    quality: i32,
}

/// One file, compressed.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) brotli: Vec<u8>,
    pub(super) gzip: Vec<u8>,
}

impl Cache {
    /// A cache under the build's working folder.
    pub(super) fn open(work: &Path, profile: Profile) -> Result<Self> {
        // 11 takes seconds for a module; 5 takes a tenth of it and is what a change in development waits for.
        let quality = match profile {
            Profile::Full => 11,
            Profile::Quick => 5,
        };
        let folder = work.join("compressed");
        fs::create_dir_all(&folder).with_context(|| format!("could not create {}", folder.display()))?;
        Ok(Self { folder, quality })
    }

    /// Compresses, or takes what an earlier build compressed.
    pub(super) fn compress(&self, sha256: &str, bytes: &[u8]) -> Result<Packed> {
        Ok(Packed {
            brotli: self.remembered(&format!("{sha256}-{}-{LGBLOCK}.br", self.quality), || brotli(bytes, self.quality))?,
            gzip: self.remembered(&format!("{sha256}.gz"), || gzip(bytes))?,
        })
    }

    fn remembered(&self, name: &str, work: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let path = self.folder.join(name);
        if let Ok(bytes) = fs::read(&path) {
            return Ok(bytes);
        }
        let bytes = work()?;
        replace_file(&path, &bytes)?;
        Ok(bytes)
    }
}

fn brotli(bytes: &[u8], quality: i32) -> Result<Vec<u8>> {
    let parameters =
        brotli::enc::BrotliEncoderParams { quality, lgwin: 22, size_hint: bytes.len(), lgblock: LGBLOCK, ..Default::default() };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &parameters).context("brotli failed")?;
    Ok(packed)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    // No name and no time in the header: two builds give the same bytes.
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish().context("gzip failed")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_compressed_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let text = "nothing leaves before it is persisted ".repeat(200).into_bytes();
        let packed = Cache::open(folder.path(), Profile::Full).unwrap().compress("sum", &text).unwrap();
        let mut back = Vec::new();
        brotli::BrotliDecompress(&mut &packed.brotli[..], &mut back).unwrap();
        assert_eq!(back, text);
        back.clear();
        flate2::read::GzDecoder::new(&packed.gzip[..]).read_to_end(&mut back).unwrap();
        assert_eq!(back, text);
    }
}
