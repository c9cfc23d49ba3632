//! Key packages as they are uploaded, stored and claimed.

use std::time::{SystemTime, UNIX_EPOCH};

use openmls::prelude::OpenMlsProvider as _;
use openmls::prelude::{KeyPackageIn, ProtocolVersion};
use sotto_client::mls;
use sotto_client::storage::Provider;
use sotto_protocol::limits;
use sotto_rules::commit::check_key_package;
use tls_codec::{Deserialize as _, Serialize as _};

use crate::choose;

/// A key package, by the server's check (0) and by the claiming client's (1).
pub fn key_packages(data: &[u8]) -> bool {
    let provider = Provider::default();
    // OpenMLS reads the clock itself, so packages of a corpus expire: the replay adds one of today.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    match choose(data, 2) {
        Some((0, rest)) => {
            let Ok(parsed) = KeyPackageIn::tls_deserialize_exact(rest) else { return false };
            let Ok(package) = parsed.validate(provider.crypto(), ProtocolVersion::Mls10) else { return false };
            let Ok(credential) = check_key_package(&package, now) else { return false };
            assert_eq!(package.tls_serialize_detached().ok().as_deref(), Some(rest), "a second encoding of one package");
            let lifetime = package.life_time();
            assert!(lifetime.not_after() - lifetime.not_before() <= limits::KEY_PACKAGE_LIFETIME);
            assert!(lifetime.not_after() >= now + limits::KEY_PACKAGE_REST);
            assert!(credential.verify(package.leaf_node().signature_key().as_slice()).is_ok());
            true
        }
        Some((_, rest)) => {
            let (account, device) = (sotto_protocol::AccountId([1; 32]), sotto_protocol::DeviceId([2; 16]));
            assert!(mls::joiner(&provider, rest, account, device, now).is_err(), "a package for an account without a key");
            false
        }
        None => false,
    }
}
