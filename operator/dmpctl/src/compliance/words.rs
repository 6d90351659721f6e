//! Headings and words of each language.

use dmp_policies::control::Severity;
use dmp_policies::history::Link;
use dmp_policies::{State, Verdict};

use super::Language;

pub const CLAIM_FR: &str = "Contrôles équivalents HDS, territoire MA : ni certification, ni attestation.";
pub const CLAIM_EN: &str = dmp_policies::control::CLAIM;

/// Headings of a page.
pub struct Words {
    pub claim: &'static str,
    pub severity: &'static str,
    pub state: &'static str,
    pub territory: &'static str,
    pub statement: &'static str,
    pub rationale: &'static str,
    pub mappings: &'static str,
    pub parameters: &'static str,
    pub since: &'static str,
    /// The value of the catalogue follows.
    pub instead_of: &'static str,
    pub implementation: &'static str,
    pub missing: &'static str,
    pub limits: &'static str,
    pub checks: &'static str,
    pub builtin: &'static str,
    pub evidence: &'static str,
    pub lives: &'static str,
    pub form: &'static str,
    pub owner: &'static str,
    pub remedy: &'static str,
    pub none: &'static str,
    /// Of a check: it is answered on a running platform, or not yet.
    pub observed: &'static str,
    pub unobserved: &'static str,
}

const FRENCH: Words = Words {
    claim: CLAIM_FR,
    severity: "gravité",
    state: "état",
    territory: "territoire",
    statement: "Ce qui doit être vrai",
    rationale: "Pourquoi (en anglais)",
    mappings: "Textes",
    parameters: "Paramètres en vigueur le",
    since: "depuis le",
    instead_of: "au lieu de la valeur du catalogue :",
    implementation: "Mise en œuvre",
    missing: "il manque",
    limits: "limites",
    checks: "Vérification",
    builtin: "règle intégrée",
    evidence: "Preuve",
    lives: "durée de vie",
    form: "document",
    owner: "responsable",
    remedy: "À taper",
    none: "aucun",
    observed: "relevé sur la plateforme en marche (`dmpctl compliance status`)",
    unobserved: "rien ne le relève encore sur une plateforme en marche",
};

const ARABIC: Words = Words {
    claim: "ضوابط مكافئة لمرجع HDS، التراب: المغرب. ليست شهادة مطابقة.",
    severity: "الخطورة",
    state: "الحالة",
    territory: "التراب",
    statement: "ما يجب أن يتحقق (بالفرنسية)",
    rationale: "لماذا (بالإنجليزية)",
    mappings: "النصوص",
    parameters: "المعايير السارية بتاريخ",
    since: "منذ",
    instead_of: "بدل قيمة الفهرس:",
    implementation: "التنفيذ",
    missing: "ما ينقص",
    limits: "الحدود",
    checks: "التحقق",
    builtin: "قاعدة مدمجة",
    evidence: "الدليل",
    lives: "مدة الصلاحية",
    form: "الوثيقة",
    owner: "المسؤول",
    remedy: "ما يكتب في الطرفية",
    none: "لا شيء",
    observed: "يرصد على المنصة قيد التشغيل (`dmpctl compliance status`)",
    unobserved: "لا شيء يرصده بعد على منصة قيد التشغيل",
};

const ENGLISH: Words = Words {
    claim: CLAIM_EN,
    severity: "severity",
    state: "state",
    territory: "territory",
    statement: "What must be true",
    rationale: "Why",
    mappings: "Texts",
    parameters: "Parameters in force on",
    since: "since",
    instead_of: "instead of the catalogue's",
    implementation: "How it is enforced",
    missing: "missing",
    limits: "limits",
    checks: "How it is checked",
    builtin: "built-in",
    evidence: "Evidence",
    lives: "time to live",
    form: "document",
    owner: "owner",
    remedy: "What to type",
    none: "none",
    observed: "observed on the running platform (`dmpctl compliance status`)",
    unobserved: "nothing observes it on a running platform yet",
};

pub const fn of(language: Language) -> &'static Words {
    match language {
        Language::Fr => &FRENCH,
        Language::Ar => &ARABIC,
        Language::En => &ENGLISH,
    }
}

pub const fn severity(severity: Severity, language: Language) -> &'static str {
    match (severity, language) {
        (Severity::Critical, Language::Fr) => "critique",
        (Severity::High, Language::Fr) => "élevée",
        (Severity::Medium, Language::Fr) => "moyenne",
        (Severity::Critical, Language::Ar) => "حرجة",
        (Severity::High, Language::Ar) => "عالية",
        (Severity::Medium, Language::Ar) => "متوسطة",
        (_, Language::En) => severity.as_str(),
    }
}

/// In French.
pub const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "réussi",
        Verdict::Excepted => "toléré",
        Verdict::Stale => "périmé",
        Verdict::Error => "erreur",
        Verdict::Fail => "échec",
        Verdict::NotYet => "pas encore",
    }
}

/// In French.
pub const fn link(link: Link) -> &'static str {
    match link {
        Link::First => "première",
        Link::Chained => "suit",
        Link::Broken => "rompue",
    }
}

pub const fn state(state: State, language: Language) -> &'static str {
    match (state, language) {
        (State::Enforced, Language::Fr) => "appliqué",
        (State::Checked, Language::Fr) => "vérifié",
        (State::Evidence, Language::Fr) => "document",
        (State::NotYet, Language::Fr) => "pas encore",
        (State::Enforced, Language::Ar) => "مطبق",
        (State::Checked, Language::Ar) => "متحقق منه",
        (State::Evidence, Language::Ar) => "وثيقة",
        (State::NotYet, Language::Ar) => "ليس بعد",
        (_, Language::En) => state.as_str(),
    }
}
