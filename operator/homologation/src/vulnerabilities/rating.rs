//! How bad a vulnerability is: by its CVSS vectors (v3.0, v3.1, v4.0), else by the word of the database, else by Debian's urgency. Of
//! several the worst counts. What nobody rated is unrated, which is no rating: the control takes it as critical.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The qualitative scale of CVSS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rating {
    None,
    Low,
    Medium,
    High,
    Critical,
}

impl Rating {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Of a vector; CVSS v2 has no critical, and is left out.
    pub fn of_vector(text: &str) -> Option<Self> {
        let vector: cvss::Cvss = text.parse().ok()?;
        Some(match vector.severity() {
            cvss::Severity::None => Self::None,
            cvss::Severity::Low => Self::Low,
            cvss::Severity::Medium => Self::Medium,
            cvss::Severity::High => Self::High,
            cvss::Severity::Critical => Self::Critical,
        })
    }

    /// Of a word: GitHub's `MODERATE`, Debian's `unimportant`. `not yet assigned` is none.
    pub fn of_word(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "low" | "unimportant" => Some(Self::Low),
            "medium" | "moderate" => Some(Self::Medium),
            "high" | "important" => Some(Self::High),
            "critical" => Some(Self::Critical),
            _ => None,
        }
    }
}

/// What a record says of its own severity, its `affected` included.
pub(super) fn of_record(record: &Value) -> Option<Rating> {
    let affected = || record["affected"].as_array().into_iter().flatten();
    let vectors = |place: &Value| -> Option<Rating> {
        let all = place["severity"].as_array().into_iter().flatten();
        all.filter_map(|one| Rating::of_vector(one["score"].as_str()?))
            .max()
    };
    let in_affected = |of: &dyn Fn(&Value) -> Option<Rating>| affected().filter_map(of).max();
    let vector = vectors(record)
        .max(in_affected(&vectors))
        .max(in_affected(&|one| {
            Rating::of_vector(one["database_specific"]["cvss"].as_str()?)
        }));
    vector
        .or_else(|| Rating::of_word(record["database_specific"]["severity"].as_str()?))
        .or_else(|| in_affected(&|one| Rating::of_word(one["ecosystem_specific"]["urgency"].as_str()?)))
        .or_else(|| in_affected(&unmaintained))
}

/// RustSec tells of crates that nobody maintains, too: no vulnerability.
fn unmaintained(affected: &Value) -> Option<Rating> {
    let kind = affected["database_specific"]["informational"].as_str()?;
    ["unmaintained", "notice"].contains(&kind).then_some(Rating::None)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CRITICAL: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
    const MEDIUM: &str = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N";
    const OF_V4: &str = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H";

    #[test]
    fn the_worst_vector_counts_then_words_and_nothing_is_unrated() {
        let severity = |score: &str| json!([{ "type": "CVSS_V3", "score": score }]);
        for (record, expected) in [
            (json!({ "severity": severity(CRITICAL) }), Some(Rating::Critical)),
            (json!({ "severity": severity(MEDIUM) }), Some(Rating::Medium)),
            (json!({ "severity": severity(OF_V4) }), Some(Rating::Critical)),
            (
                json!({ "severity": [{ "score": MEDIUM }, { "score": CRITICAL }] }),
                Some(Rating::Critical),
            ),
            (
                json!({ "severity": severity(MEDIUM), "affected": [{ "severity": severity(CRITICAL) }] }),
                Some(Rating::Critical),
            ),
            (
                json!({ "severity": severity(MEDIUM), "database_specific": { "severity": "CRITICAL" } }),
                Some(Rating::Medium),
            ),
            (
                json!({ "affected": [{ "database_specific": { "cvss": CRITICAL } }] }),
                Some(Rating::Critical),
            ),
            (
                json!({ "severity": severity("9.8"), "database_specific": { "severity": "MODERATE" } }),
                Some(Rating::Medium),
            ),
            (
                json!({ "affected": [{ "ecosystem_specific": { "urgency": "unimportant" } }, { "ecosystem_specific": { "urgency": "high" } }] }),
                Some(Rating::High),
            ),
            (
                json!({ "affected": [{ "database_specific": { "informational": "unmaintained" } }] }),
                Some(Rating::None),
            ),
            (
                json!({ "affected": [{ "database_specific": { "informational": "unsound" } }] }),
                None,
            ),
            (
                json!({ "affected": [{ "ecosystem_specific": { "urgency": "not yet assigned" } }] }),
                None,
            ),
            (
                json!({ "severity": severity("AV:N/AC:L/Au:N/C:C/I:C/A:C") }),
                None,
            ),
            (json!({}), None),
        ] {
            assert_eq!(of_record(&record), expected, "{record}");
        }
    }
}
