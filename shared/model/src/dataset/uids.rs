//! UIDs of one length, so that one can replace another in place.

use rand::Rng;
use sha2::{Digest as _, Sha256};

/// Characters of a UID made here: `2.25.` and the 39 decimal digits that the largest UUIDs have (PS3.5 B.2). An even
/// length needs no padding (PS3.5 9.1).
pub const UID_CHARACTERS: usize = 44;
/// The smallest number of 39 digits.
const MIN_NUMBER: u128 = 10_u128.pow(38);

/// Returns a new random UID of [`UID_CHARACTERS`] characters: a version 4 UUID (RFC 9562) in decimal. It has 122 random
/// bits, less the 0.5 that the length costs.
pub fn new_uid(random: &mut impl Rng) -> String {
    loop {
        let mut uuid = [0; 16];
        random.fill_bytes(&mut uuid);
        if let Some(uid) = uid_of(uuid, 0x40) {
            return uid;
        }
    }
}

/// Returns a UID if the UUID of this version has 39 decimal digits.
fn uid_of(mut uuid: [u8; 16], version: u8) -> Option<String> {
    uuid[6] = uuid[6] & 0x0f | version;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    let number = u128::from_be_bytes(uuid);
    (number >= MIN_NUMBER).then(|| format!("2.25.{number}"))
}

/// The replacement of the UIDs of one copy of a dataset. The same UID is always replaced by the same one, so references
/// stay intact.
#[derive(Debug, Clone, Copy)]
pub struct UidReplacement {
    /// Without the salt, nobody can compute the new UID from the old one.
    pub salt: [u8; 32],
    /// Number of the copy, from 0.
    pub copy: u32,
}

impl UidReplacement {
    /// Returns the new UID: a version 8 UUID (RFC 9562) made from a hash.
    #[must_use]
    pub fn replace(&self, uid: &str) -> String {
        let mut digest = Sha256::new().chain_update(self.salt).chain_update(self.copy.to_le_bytes()).chain_update(uid);
        loop {
            let hash = digest.finalize();
            let mut uuid = [0; 16];
            uuid.copy_from_slice(&hash[..16]);
            if let Some(uid) = uid_of(uuid, 0x80) {
                return uid;
            }
            digest = Sha256::new().chain_update(hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn new_uids_have_one_length_and_differ() {
        let mut random = rand::make_rng::<rand::rngs::StdRng>();
        let uids: HashSet<_> = (0..10_000).map(|_| new_uid(&mut random)).collect();
        assert_eq!(uids.len(), 10_000);
        for uid in uids {
            let number = uid.strip_prefix("2.25.").expect("under 2.25");
            assert!(number.len() == 39 && !number.starts_with('0'), "{uid}");
            let uuid: u128 = number.parse().expect("128 bits");
            assert_eq!((uuid >> 76 & 0xf, uuid >> 62 & 3), (4, 2), "a version 4 UUID");
            assert_eq!(uid.len(), UID_CHARACTERS);
        }
    }

    #[test]
    fn a_uid_is_replaced_alike_in_a_copy_and_differently_in_the_next() {
        let copy = |copy| UidReplacement { salt: [7; 32], copy };
        assert_eq!(copy(0).replace("1.2.3"), copy(0).replace("1.2.3"));
        assert_ne!(copy(0).replace("1.2.3"), copy(1).replace("1.2.3"));
        assert_ne!(copy(0).replace("1.2.3"), copy(0).replace("1.2.4"));
        let other_salt = UidReplacement { salt: [8; 32], ..copy(0) };
        assert_ne!(copy(0).replace("1.2.3"), other_salt.replace("1.2.3"));
        assert!((0..1000).all(|number| copy(number).replace("1").len() == UID_CHARACTERS));
    }
}
