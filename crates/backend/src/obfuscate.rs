//! Ids in logs: a short salted hash, so that lines of one run can be joined but lead to nobody.

use core::fmt;

use sha2::{Digest, Sha256};

/// Salt of this run of the server.
#[derive(Clone, Copy)]
pub(crate) struct LogSalt([u8; 16]);

impl LogSalt {
    /// A salt that dies with the process.
    pub(crate) fn new(salt: [u8; 16]) -> Self {
        Self(salt)
    }

    /// How an id appears in logs.
    pub(crate) fn hide(&self, id: &[u8]) -> Hidden {
        let digest = Sha256::new().chain_update(self.0).chain_update(id).finalize();
        Hidden([digest[0], digest[1], digest[2], digest[3]])
    }
}

/// A hidden id.
pub(crate) struct Hidden([u8; 4]);

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
