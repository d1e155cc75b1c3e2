//! Hashes as text.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Returns the first 16 hexadecimal digits of the SHA-256 of a value's JSON.
pub(crate) fn hash<T: Serialize>(value: &T) -> String {
    // Every value that is hashed here is plain data whose maps have string keys, so it has a JSON form.
    let json = serde_json::to_vec(value).expect("plain data");
    base16ct::lower::encode_string(&Sha256::digest(json)[..8])
}

/// Returns the SHA-256 of bytes in hexadecimal digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}
