//! The operating system's random bytes.

/// Fills the slice with bytes fit for secrets; `auth` and the shards are handed this function.
pub fn fill(bytes: &mut [u8]) {
    // Without randomness no secret is safe to make, and Linux has it once the machine is up.
    aws_lc_rs::rand::fill(bytes).expect("the operating system provides random bytes");
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_draws_differ() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        super::fill(&mut a);
        super::fill(&mut b);
        assert_ne!(a, b);
    }
}
