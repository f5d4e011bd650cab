//! Who is it, and may that be believed: user tokens, passwords, API keys, webhook signatures and the
//! limits on guessing.
//!
//! Everything here is a function of its arguments: time is passed in, random bytes are drawn by the
//! caller ([`Random`]), so that the same inputs give the same answers in a test.

pub mod attempts;
pub mod key;
pub mod password;
pub mod signature;
pub mod token;

/// Fills the slice with random bytes fit for secrets; the runtime passes the operating system's source.
pub type Random<'a> = dyn FnMut(&mut [u8]) + 'a;

/// Draws a fixed number of random bytes.
pub(crate) fn draw<const N: usize>(random: &mut Random<'_>) -> [u8; N] {
    let mut bytes = [0; N];
    random(&mut bytes);
    bytes
}

/// Random bytes of the tests: reproducible, different at each draw.
#[cfg(test)]
pub(crate) fn test_random() -> impl FnMut(&mut [u8]) {
    let mut state = 1_u64;
    move |bytes| {
        for byte in bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (state >> 56) as u8;
        }
    }
}
