//! What a version changes against an earlier one, by its number alone. What is done again for which change the programme says.

use std::cmp::Ordering;

/// How far a version is from an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// `4.2.1` to `4.2.2`.
    Patch,
    /// `4.2` to `4.3`.
    Minor,
    /// `4` to `5`.
    Major,
    /// Not a later number, or a pre-release on either side: the number says nothing.
    Unordered,
}

impl Change {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Minor => "minor change",
            Self::Major => "major change",
            Self::Unordered => "change that its number does not tell",
        }
    }
}

/// Pure. Numbers as `SolutionVersion` writes them: without leading zeros; what is not written is zero.
pub fn change(from: &str, to: &str) -> Change {
    let (Some(from), Some(to)) = (numbers(from), numbers(to)) else {
        return Change::Unordered;
    };
    let pairs = from.iter().zip(&to).enumerate();
    let first = pairs
        .map(|(place, (from, to))| (place, larger(to, from)))
        .find(|(_, order)| order.is_ne());
    match first {
        Some((0, Ordering::Greater)) => Change::Major,
        Some((1, Ordering::Greater)) => Change::Minor,
        Some((_, Ordering::Greater)) => Change::Patch,
        _ => Change::Unordered,
    }
}

/// Four numbers, as text: they may be longer than any integer.
fn numbers(version: &str) -> Option<[&str; 4]> {
    let mut numbers = ["0"; 4];
    let mut written = version.split('.');
    for place in &mut numbers {
        let Some(number) = written.next() else { break };
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || (number.len() > 1 && number.starts_with('0')) {
            return None;
        }
        *place = number;
    }
    written.next().is_none().then_some(numbers)
}

/// Of two numbers without leading zeros the longer one is the larger.
fn larger(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_that_differs_says_it() {
        let cases = [
            ("1.2.3", "1.2.4", Change::Patch),
            ("1.2.9", "1.2.10", Change::Patch),
            ("1.2", "1.2.1", Change::Patch),
            ("1.2.3.4", "1.2.3.5", Change::Patch),
            ("1.2", "1.3", Change::Minor),
            ("1.2.9", "1.3", Change::Minor),
            ("1", "1.1", Change::Minor),
            ("2026.11", "2026.12", Change::Minor),
            ("1.9", "1.10", Change::Minor),
            ("1", "2", Change::Major),
            ("1.9.9", "2.0", Change::Major),
            ("2026.12", "2027.1", Change::Major),
            ("9", "18446744073709551617", Change::Major),
            // The same, or backwards.
            ("1.2", "1.2", Change::Unordered),
            ("1.2", "1.2.0", Change::Unordered),
            ("1.2.4", "1.2.3", Change::Unordered),
            ("1.3", "1.2.9", Change::Unordered),
            ("2.0", "1.9", Change::Unordered),
            ("18446744073709551617", "2", Change::Unordered),
            // A pre-release is not what it precedes.
            ("1.2-rc.1", "1.2", Change::Unordered),
            ("1.2.3", "1.2.4-rc.1", Change::Unordered),
            ("1.2-beta", "1.3-beta", Change::Unordered),
            // What no SolutionVersion is called.
            ("1.2", "1.2.0+x", Change::Unordered),
            ("1.2", "01.3", Change::Unordered),
            ("", "1", Change::Unordered),
            ("1.2", "1.3.", Change::Unordered),
            ("1.2.3.4", "1.2.3.4.5", Change::Unordered),
        ];
        for (from, to, wanted) in cases {
            assert_eq!(change(from, to), wanted, "{from} to {to}");
        }
    }
}
