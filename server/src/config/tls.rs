//! Certificate and key files. What is wrong with them is said at the start, not to the first browser.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{Error, ServerConfig};

/// Which of the two files can't be used, and why. Nothing in it comes from inside a file: it may be the key.
pub(super) enum Wrong {
    Cert(String),
    Key(String),
}

/// Reads both and makes sure that they belong together.
pub(super) fn load(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, Wrong> {
    let wrong_cert = |reason: String| Wrong::Cert(format!("{}: {reason}", cert.display()));
    let wrong_key = |reason: String| Wrong::Key(format!("{}: {reason}", key.display()));
    let chain = certificates(cert).map_err(wrong_cert)?;
    let secret = private_key(key).map_err(wrong_key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong_cert(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| match error {
            Error::InvalidCertificate(_) => wrong_cert("its first certificate can't be read".into()),
            Error::InconsistentKeys(_) => wrong_key(format!("does not belong to the certificate {}", cert.display())),
            _ => wrong_key("expected an RSA, ECDSA (P-256, P-384) or Ed25519 key".into()),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|_| "not a PEM file")?;
    if chain.is_empty() {
        return Err("no certificate in PEM form".into());
    }
    Ok(chain)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    let mut keys = PrivateKeyDer::pem_slice_iter(&text);
    match (keys.next(), keys.next()) {
        (Some(Ok(key)), None) => Ok(key),
        (Some(Ok(_)), Some(Ok(_))) => Err("more than one private key".into()),
        (None, _) => Err("no private key in PEM form (an encrypted one can't be used)".into()),
        (Some(_), _) => Err("not a PEM file".into()),
    }
}
