//! Hashes as text.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Returns the first 16 hexadecimal digits of the SHA-256 of a value's JSON.
pub(crate) fn hash<T: Serialize>(value: &T) -> String {
    // Every value that is hashed here is plain data whose maps have string keys, so it has a JSON form.
    let json = serde_json::to_vec(value).expect("plain data");
    base16ct::lower::encode_string(&Sha256::digest(json)[..8])
}

/// Returns the SHA-256 of bytes in base64, as a content security policy names a script.
#[must_use]
pub fn sha256_base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha256::digest(bytes))
}

/// Returns the SHA-256 of bytes in hexadecimal digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}
