//! The number of an enterprise (identifiant commun de l'entreprise, OMPIC): fifteen digits, divisible by 97.

/// Whether it can be one. Whether the enterprise exists is not known here.
pub fn is_valid(ice: &str) -> bool {
    let digits = ice.len() == 15 && ice.bytes().all(|byte| byte.is_ascii_digit());
    digits
        && ice
            .parse::<u64>()
            .is_ok_and(|number| number > 0 && number % 97 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_number_is_none() {
        for (ice, valid) in [
            ("001234567000062", true),
            ("001234567000063", false),
            ("001234576000062", false),
            ("000000000000000", false),
            ("1234567000062", false),
            ("00123456700006x", false),
            ("+01234567000062", false),
        ] {
            assert_eq!(is_valid(ice), valid, "{ice}");
        }
    }
}
