//! Received bytes cut into reads, for the tests of the codecs.

use proptest::sample::Index;

/// `bytes` in pieces, cut at `cuts`; pieces may be empty.
pub(super) fn pieces<'b>(bytes: &'b [u8], cuts: &[Index]) -> Vec<&'b [u8]> {
    let mut positions: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    positions.extend([0, bytes.len()]);
    positions.sort_unstable();
    positions.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}
