//! Message ids: random UUIDv4 to the server, and the place in the book to whoever knows the key of the run.
//!
//! Of the 122 free bits 58 are fresh random bits (the salt). The other 64 are sender and index, covered by a hash of
//! salt and key. So ids arrive in random order, as those of real clients do, and need no table to be recognised.

/// Characters of an id.
pub const LENGTH: usize = 36;

const SALT_BITS: u32 = 58;
/// Where the hyphens stand.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
const HEX: &[u8; 16] = b"0123456789abcdef";

/// What an id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which sender of the run.
    pub sender: u32,
    /// Which of its messages.
    pub index: u32,
    /// The random bits, so that an id is recognised as the very one that was sent.
    pub salt: u64,
}

/// Makes and reads the ids of one run.
#[derive(Debug, Clone, Copy)]
pub struct MessageIds {
    key: u64,
}

impl MessageIds {
    /// Ids of a new run.
    pub fn random() -> Self {
        Self { key: fastrand::u64(..) }
    }

    /// Random bits for a new id.
    pub fn salt(random: &mut fastrand::Rng) -> u64 {
        random.u64(..) >> (64 - SALT_BITS)
    }

    /// The id of a message.
    pub fn write(self, place: Place) -> [u8; LENGTH] {
        let covered = (u64::from(place.sender) << 32 | u64::from(place.index)) ^ self.cover(place.salt);
        let free = u128::from(place.salt) << 64 | u128::from(covered);
        let (first, second) = ((free >> 62) as u64, free as u64 & (u64::MAX >> 2));
        let first = (first >> 12) << 16 | 4 << 12 | first & 0xfff;
        let bits = u128::from(first) << 64 | u128::from(1 << 63 | second);
        let mut text = [b'-'; LENGTH];
        let positions = (0..LENGTH).filter(|position| !HYPHENS.contains(position));
        for (nibble, position) in positions.enumerate() {
            text[position] = HEX[(bits >> (124 - 4 * nibble)) as usize & 0xf];
        }
        text
    }

    /// What the id at the front of `text` stands for; `None` if it has not the form of one.
    pub fn read(self, text: &[u8]) -> Option<Place> {
        let mut bits = 0_u128;
        for (position, &byte) in text.get(..LENGTH)?.iter().enumerate() {
            if HYPHENS.contains(&position) {
                if byte != b'-' {
                    return None;
                }
                continue;
            }
            bits = bits << 4 | u128::from((byte as char).to_digit(16)?);
        }
        let (first, second) = ((bits >> 64) as u64, bits as u64 & (u64::MAX >> 2));
        let first = (first >> 16) << 12 | first & 0xfff;
        let free = u128::from(first) << 62 | u128::from(second);
        let salt = (free >> 64) as u64;
        let place = free as u64 ^ self.cover(salt);
        Some(Place {
            sender: (place >> 32) as u32,
            index: place as u32,
            salt,
        })
    }

    /// splitmix64.
    fn cover(self, salt: u64) -> u64 {
        let mixed = (salt ^ self.key).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_4_and_are_read_back() {
        let ids = MessageIds::random();
        let mut random = fastrand::Rng::new();
        for sender in [0, 1, 199, u32::MAX] {
            for index in [0, 7, u32::MAX] {
                let place = Place {
                    sender,
                    index,
                    salt: MessageIds::salt(&mut random),
                };
                let text = ids.write(place);
                assert_eq!(text[14], b'4');
                assert!(b"89ab".contains(&text[19]));
                assert_eq!(ids.read(&text), Some(place));
            }
        }
    }

    #[test]
    fn what_is_no_id_of_the_run_is_not_taken_for_one() {
        let ids = MessageIds { key: 1 };
        let other = MessageIds { key: 2 };
        let place = Place {
            sender: 3,
            index: 4,
            salt: 5,
        };
        assert_ne!(other.read(&ids.write(place)), Some(place));
        assert_eq!(ids.read(b"evt_1"), None);
        assert_eq!(ids.read(&[b'g'; LENGTH]), None);
        assert_eq!(ids.read(&[b'0'; LENGTH]), None);
    }
}
