//! The order of versions: Semantic Versioning 2.0 for crates.io and Go, Debian Policy 5.6.12 (`deb-version(7)`) for Debian.

use std::cmp::Ordering;

/// A version that can be compared with others of its ecosystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    Semantic(semver::Version),
    Debian(Debian),
}

impl Version {
    /// Of Go or a crate; `None` for what is no version. Takes what Go writes: `v1.2.3`, `v2.0.0+incompatible`, pseudo-versions, and of
    /// its standard library `1.26`, `1.26rc1`.
    pub fn semantic(text: &str) -> Option<Self> {
        let text = text.strip_prefix("go").unwrap_or(text);
        let text = text.strip_prefix('v').unwrap_or(text);
        let parsed = semver::Version::parse(text).ok().or_else(|| of_go(text));
        parsed.map(Self::Semantic)
    }

    /// `None` for what is no version.
    pub fn debian(text: &str) -> Option<Self> {
        Debian::parse(text).map(Self::Debian)
    }

    /// `None` of two ecosystems. What is behind a `+` of a semantic version has no rank.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Semantic(one), Self::Semantic(other)) => Some(one.cmp_precedence(other)),
            (Self::Debian(one), Self::Debian(other)) => Some(one.compare(other)),
            (Self::Semantic(_), Self::Debian(_)) | (Self::Debian(_), Self::Semantic(_)) => None,
        }
    }
}

/// `1.26`, `1.26rc1`, `1.26.1` as Go calls its releases.
fn of_go(text: &str) -> Option<semver::Version> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (numbers, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
    let mut parts = numbers.split('.').map(str::parse::<u64>);
    let (major, minor) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let patch = parts.next().map_or(Ok(0), |patch| patch).ok()?;
    if parts.next().is_some() {
        return None;
    }
    let mut version = semver::Version::new(major, minor, patch);
    if !rest.is_empty() {
        let word = ["rc", "beta"].into_iter().find(|word| rest.starts_with(word))?;
        let number: u64 = rest.strip_prefix(word)?.parse().ok()?;
        version.pre = semver::Prerelease::new(&format!("{word}.{number}")).ok()?;
    }
    Some(version)
}

/// `[epoch:]upstream[-revision]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debian {
    epoch: u64,
    upstream: String,
    revision: String,
}

impl Debian {
    fn parse(text: &str) -> Option<Self> {
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => (epoch.parse().ok()?, rest),
            None => (0, text),
        };
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        let fits = |c: char| c.is_ascii_alphanumeric() || ".+-~:".contains(c);
        let whole = !upstream.is_empty() && rest.chars().all(fits);
        whole.then(|| Self {
            epoch,
            upstream: upstream.to_owned(),
            revision: revision.to_owned(),
        })
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| parts(&self.upstream, &other.upstream))
            .then_with(|| parts(&self.revision, &other.revision))
    }
}

/// What is no digit by its rank, then digits as a number, in turns until one differs.
fn parts(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    while !one.is_empty() || !other.is_empty() {
        let (words, numbers);
        (words, one, other) = taken(one, other, |c| !c.is_ascii_digit());
        let order = by_rank(words.0, words.1);
        if order.is_ne() {
            return order;
        }
        (numbers, one, other) = taken(one, other, |c| c.is_ascii_digit());
        let (first, second) = (
            numbers.0.trim_start_matches('0'),
            numbers.1.trim_start_matches('0'),
        );
        let order = first.len().cmp(&second.len()).then_with(|| first.cmp(second));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// What both begin with that fits, and the rest of each.
fn taken<'t>(
    one: &'t str,
    other: &'t str,
    fits: impl Fn(char) -> bool,
) -> ((&'t str, &'t str), &'t str, &'t str) {
    let split = |text: &'t str| {
        let end = text.find(|c| !fits(c)).unwrap_or(text.len());
        text.split_at(end)
    };
    let ((first, one), (second, other)) = (split(one), split(other));
    ((first, second), one, other)
}

/// `~` before the end, the end before letters, letters before everything else.
fn by_rank(one: &str, other: &str) -> Ordering {
    let rank = |c: Option<char>| match c {
        Some('~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => i64::from(u32::from(c)),
        Some(c) => i64::from(u32::from(c)) + 256,
    };
    let (mut one, mut other) = (one.chars(), other.chars());
    loop {
        let (first, second) = (one.next(), other.next());
        let order = rank(first).cmp(&rank(second));
        if order.is_ne() || first.is_none() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(versions: &[&str], parse: fn(&str) -> Option<Version>) {
        let parsed: Vec<_> = versions.iter().map(|text| parse(text).unwrap()).collect();
        for (at, one) in parsed.iter().enumerate() {
            for (other_at, other) in parsed.iter().enumerate() {
                let expected = Some(at.cmp(&other_at));
                assert_eq!(
                    one.compare(other),
                    expected,
                    "{} {}",
                    versions[at],
                    versions[other_at]
                );
            }
        }
    }

    #[test]
    fn debian_versions_are_in_debians_order() {
        ordered(
            &[
                "0.9",
                "1.0~~",
                "1.0~rc1-1",
                "1.0~rc2-1",
                "1.0",
                "1.0-0+deb12u1",
                "1.0-1",
                "1.0-1+b1",
                "1.0-1+deb12u2",
                "1.0-1+deb12u10",
                "1.0a",
                "1.0+git1",
                "1.0.1",
                "1.2",
                "1.10",
                "2025b",
                "1:0.1",
                "2:0",
            ],
            Version::debian,
        );
        let equal = Version::debian("1.0")
            .unwrap()
            .compare(&Version::debian("0:1.00").unwrap());
        assert_eq!(equal, Some(Ordering::Equal));
        for bad in ["", "a:1", "1 2", "1.0é", ":", "1:"] {
            assert_eq!(Version::debian(bad), None, "{bad}");
        }
    }

    #[test]
    fn versions_of_go_and_crates_are_in_the_order_of_semver() {
        ordered(
            &[
                "v0.0.0-20190101000000-abcdef123456",
                "0.0.1",
                "1.0.0-alpha.2",
                "1.0.0-alpha.10",
                "1.0.0",
                "v1.2.3",
                "1.26rc1",
                "1.26",
                "go1.26.1",
                "v2.0.0+incompatible",
                "10.0.0",
            ],
            Version::semantic,
        );
        let same = Version::semantic("v2.0.0+incompatible")
            .unwrap()
            .compare(&Version::semantic("2.0.0").unwrap());
        assert_eq!(same, Some(Ordering::Equal), "what is behind a + has no rank");
        for bad in [
            "",
            "(devel)",
            "v",
            "1",
            "1.2.3.4",
            "1.26x",
            "1.2.3-01",
            "99999999999999999999.0.0",
        ] {
            assert_eq!(Version::semantic(bad), None, "{bad}");
        }
        assert_eq!(
            Version::semantic("1.0.0")
                .unwrap()
                .compare(&Version::debian("1.0.0").unwrap()),
            None
        );
    }
}
