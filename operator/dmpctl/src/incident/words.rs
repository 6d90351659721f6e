//! Words of the table and of the letters.

use dmp_api::IncidentSpec;
use dmp_api::incident::{Addressee, Clock};
use dmp_api::non_conformity::Severity;
use jiff::{SignedDuration, Timestamp};

use super::Language;

pub const fn severity(severity: Severity, language: Language) -> &'static str {
    match (severity, language) {
        (Severity::Minor, Language::Fr) => "mineure",
        (Severity::Major, Language::Fr) => "majeure",
        (Severity::Critical, Language::Fr) => "critique",
        (Severity::Minor, Language::Ar) => "طفيفة",
        (Severity::Major, Language::Ar) => "كبيرة",
        (Severity::Critical, Language::Ar) => "حرجة",
    }
}

/// Who is told, in French.
pub fn addressee(clock: &Clock) -> String {
    match (clock.to, &clock.group) {
        (Addressee::Dgssi, _) => "DGSSI (maCERT)".to_owned(),
        (Addressee::Customer, Some(group)) => format!("groupe {group}"),
        (Addressee::Customer, None) => "tous les clients".to_owned(),
        (Addressee::Cndp, _) => "CNDP".to_owned(),
        (Addressee::Patient, _) => "patients".to_owned(),
    }
}

/// As it is typed: `--to customer --group oriental`.
pub fn options(clock: &Clock) -> String {
    match &clock.group {
        Some(group) => format!("--to {} --group {group}", clock.to.as_str()),
        None => format!("--to {}", clock.to.as_str()),
    }
}

/// Whom it affects.
pub fn affected(spec: &IncidentSpec, language: Language) -> String {
    let (platform, group, comma) = match language {
        Language::Fr => ("toute la plateforme", "groupe", ", "),
        Language::Ar => ("المنصة بأكملها", "المجموعة", "، "),
    };
    let groups = spec.affects.groups.iter().map(|name| format!("{group} {name}"));
    let all = spec.affects.platform.then(|| platform.to_owned());
    all.into_iter().chain(groups).collect::<Vec<_>>().join(comma)
}

pub const fn personal(is: bool, language: Language) -> &'static str {
    match (is, language) {
        (true, Language::Fr) => "oui",
        (false, Language::Fr) => "non",
        (true, Language::Ar) => "نعم",
        (false, Language::Ar) => "لا",
    }
}

pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `2 j 3 h`, `4 h 05`, `12 min`.
pub fn span(span: SignedDuration) -> String {
    let minutes = span.abs().as_mins();
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours @ ..48, minutes) => format!("{hours} h {minutes:02}"),
        (hours, _) => format!("{} j {} h", hours / 24, hours % 24),
    }
}
