//! Masking (RFC 6455 5.3).

/// Masks or unmasks `payload`, word by word: the compiler turns the words into vectors.
pub(super) fn apply(payload: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let word_key = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ word_key).to_ne_bytes();
    }
    for (byte, key_byte) in tail.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key_byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_bytes_agree_at_every_length() {
        let key = [0x12, 0xff, 0x00, 0x9a];
        for length in 0..70 {
            let plain: Vec<u8> = (0..length).map(|index| index as u8 ^ 0x5a).collect();
            let expected: Vec<u8> = plain
                .iter()
                .enumerate()
                .map(|(index, byte)| byte ^ key[index % 4])
                .collect();
            let mut masked = plain.clone();
            apply(&mut masked, key);
            assert_eq!(masked, expected);
        }
    }
}
