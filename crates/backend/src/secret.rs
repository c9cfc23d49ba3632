//! The server's own secret: made at first start, never sent, the root of stable fake salts.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use sotto_protocol::{UserName, limits};
use zeroize::Zeroizing;

use crate::error::OpenError;
use crate::store::MemoryDisk;

/// 32 bytes that only this server knows.
pub(crate) struct ServerSecret(Zeroizing<[u8; 32]>);

impl ServerSecret {
    /// Reads the secret of a data folder, or makes it (folder 0700, file 0600).
    pub(crate) fn open(data_dir: &Path) -> Result<Self, OpenError> {
        make_folder(data_dir)?;
        let path = data_dir.join("server.secret");
        let folder = |source| OpenError::Folder { path: path.clone(), source };
        match fs::read(&path) {
            Ok(bytes) => {
                let bytes = Zeroizing::new(bytes);
                let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| OpenError::SecretDamaged(path.clone()))?;
                Ok(Self(Zeroizing::new(bytes)))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let bytes = Zeroizing::new(crate::random::bytes::<32>().map_err(|_| OpenError::NoRandom)?);
                // Written beside and renamed: a crash in between must not leave a short secret.
                let fresh = data_dir.join("server.secret.new");
                let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh).map_err(folder)?;
                file.write_all(bytes.as_slice()).and_then(|()| file.sync_all()).map_err(folder)?;
                fs::rename(&fresh, &path).map_err(folder)?;
                Ok(Self(bytes))
            }
            Err(error) => Err(folder(error)),
        }
    }

    /// The secret of a disk in memory.
    pub(crate) fn on(disk: &MemoryDisk) -> Result<Self, OpenError> {
        disk.secret(|| crate::random::bytes().map_err(|_| OpenError::NoRandom)).map(Self)
    }

    /// The salt that an unknown name gets: the same one for ever, so that asking twice (or after a restart) tells nothing.
    pub(crate) fn fake_salt(&self, name: &UserName) -> [u8; limits::KDF_SALT] {
        let mut salt = [0; limits::KDF_SALT];
        salt.copy_from_slice(&self.derive(b"sotto fake salt v1", name.as_str().as_bytes())[..limits::KDF_SALT]);
        salt
    }

    /// HMAC-SHA256 over a label and data.
    pub(crate) fn derive(&self, label: &[u8], data: &[u8]) -> [u8; 32] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_slice()) else {
            // HMAC takes keys of every length.
            return [0; 32];
        };
        mac.update(label);
        mac.update(&[0]);
        mac.update(data);
        mac.finalize().into_bytes().into()
    }
}

fn make_folder(data_dir: &Path) -> Result<(), OpenError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(|source| OpenError::Folder { path: data_dir.into(), source })
}
