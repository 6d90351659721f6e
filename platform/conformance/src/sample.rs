//! Which tests a supervised run sits: the nominal one, and some of the others that nobody could know before the seed.

use aws_lc_rs::digest::{SHA256, digest};

use crate::suite::{Profile, Test};

/// The nominal test and `others` of the rest (all when there are fewer), in the profile's order. The same seed draws the
/// same; every test, and so every requirement, is drawn by some seed as soon as `others` is not 0.
pub fn draw(profile: &Profile, seed: u64, others: usize) -> Vec<&Test> {
    let mut rest: Vec<&Test> = profile.tests.iter().filter(|test| !test.is_nominal()).collect();
    rest.sort_by_key(|test| lot(seed, &test.id));
    rest.truncate(others);
    profile
        .tests
        .iter()
        .filter(|test| test.is_nominal() || rest.iter().any(|drawn| drawn.id == test.id))
        .collect()
}

fn lot(seed: u64, id: &str) -> Vec<u8> {
    let mut bytes = seed.to_be_bytes().to_vec();
    bytes.extend_from_slice(id.as_bytes());
    digest(&SHA256, &bytes).as_ref().to_vec()
}
