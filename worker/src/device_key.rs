//! The storage key's wrap: AES-256-GCM under a WebCrypto key that scripts can use but never read.
//!
//! It spares the password at a reload. It does not protect a copied browser profile, where the browser keeps raw keys.

use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AesGcmParams, AesKeyGenParams, Crypto, CryptoKey};
use zeroize::Zeroizing;

use crate::idb;
use crate::scope::scope;

/// Bound to the wrap, so that a ciphertext made for something else never opens as a storage key.
const AAD: &[u8] = b"sotto storage key v1";
const NONCE: usize = 12;

/// Wraps 32 bytes under a new key. The answer is the record to store (by structured clone, with the key itself inside).
pub(crate) async fn wrap(storage_key: &[u8; 32]) -> Result<Object, JsValue> {
    let crypto = crypto()?;
    let algorithm = AesKeyGenParams::new("AES-GCM", 256);
    let uses = Array::of2(&"encrypt".into(), &"decrypt".into());
    // `false`: not extractable.
    let key = JsFuture::from(crypto.subtle().generate_key_with_object(&algorithm, false, &uses)?).await?;

    let mut nonce = [0; NONCE];
    crypto.get_random_values_with_u8_array(&mut nonce)?;
    let plain = Uint8Array::from(storage_key.as_slice());
    let wrapped = crypto.subtle().encrypt_with_object_and_js_u8_array(&parameters(&nonce), key.unchecked_ref(), &plain)?;
    let wrapped = JsFuture::from(wrapped).await;
    plain.fill(0, 0, plain.length());

    let record = Object::new();
    Reflect::set(&record, &"key".into(), &key)?;
    Reflect::set(&record, &"nonce".into(), &Uint8Array::from(nonce.as_slice()))?;
    Reflect::set(&record, &"wrapped".into(), &Uint8Array::new(&wrapped?))?;
    Ok(record)
}

/// Opens a stored record. An error means damage: it was made by [`wrap`] or by nobody.
pub(crate) async fn unwrap(record: &JsValue) -> Result<Zeroizing<[u8; 32]>, JsValue> {
    let field = |name: &str| Reflect::get(record, &name.into());
    let key: CryptoKey = field("key")?.dyn_into()?;
    let nonce: [u8; NONCE] = idb::bytes(&field("nonce")?)?.try_into().map_err(|_| JsValue::UNDEFINED)?;
    let wrapped: Uint8Array = field("wrapped")?.dyn_into()?;

    let opened = crypto()?.subtle().decrypt_with_object_and_js_u8_array(&parameters(&nonce), &key, &wrapped)?;
    let opened = Uint8Array::new(&JsFuture::from(opened).await?);
    let mut storage_key = Zeroizing::new([0; 32]);
    if opened.length() != 32 {
        return Err(JsValue::UNDEFINED);
    }
    opened.copy_to(storage_key.as_mut_slice());
    opened.fill(0, 0, opened.length());
    Ok(storage_key)
}

fn parameters(nonce: &[u8; NONCE]) -> AesGcmParams {
    let parameters = AesGcmParams::new_with_u8_array("AES-GCM", &Uint8Array::from(nonce.as_slice()));
    parameters.set_additional_data(&Uint8Array::from(AAD));
    parameters
}

fn crypto() -> Result<Crypto, JsValue> {
    scope().crypto()
}
