//! How a platform stands as one self-contained page: no script, nothing from elsewhere, readable on paper. French or English.

use dmp_policies::control::Control;
use dmp_policies::framework::FAMILIES;
use dmp_policies::history::History;
use dmp_policies::posture::{Said, Standing};
use dmp_policies::{Framework, Verdict};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::list::identifiers;
use super::standing::{age, since};
use super::{Language, timeline, words};

/// Of the picture, in its own units.
const BAR: usize = 600;
const ROW: usize = 22;

/// Texts of a page.
struct Texts {
    lang: &'static str,
    title: &'static str,
    at: &'static str,
    picture: &'static str,
    all: &'static str,
    heads: [&'static str; 6],
    open: &'static str,
    seen: &'static str,
    evidence: &'static str,
    owner: &'static str,
}

const FRENCH: Texts = Texts {
    lang: "fr",
    title: "État des contrôles de sécurité",
    at: "Relevé lu le",
    picture: "Par famille",
    all: "Tous les contrôles",
    heads: [
        "Contrôle",
        "Ce qui doit être vrai",
        "Gravité",
        "Verdict",
        "Depuis",
        "Preuve",
    ],
    open: "Ce qui ne réussit pas, et quoi taper",
    seen: "Vu",
    evidence: "Preuve",
    owner: "Le responsable",
};

const ENGLISH: Texts = Texts {
    lang: "en",
    title: "State of the security controls",
    at: "Report read at",
    picture: "By family",
    all: "All controls",
    heads: [
        "Control",
        "What must be true",
        "Severity",
        "Verdict",
        "Since",
        "Evidence",
    ],
    open: "What does not pass, and what to type",
    seen: "Seen",
    evidence: "Evidence",
    owner: "Owner",
};

/// The page of these standings; `framework` adds its identifiers. `past`: `None` when it could not be read.
pub fn page(
    standings: &[Standing<'_>],
    framework: Option<&Framework>,
    past: Option<&History>,
    language: Language,
    now: Timestamp,
) -> String {
    let french = is_french(language);
    let texts = if french { &FRENCH } else { &ENGLISH };
    let claim = if french { words::CLAIM_FR } else { words::CLAIM_EN };
    let title = match framework {
        Some(framework) => format!("{} : {}", texts.title, framework.name),
        None => texts.title.to_owned(),
    };
    html! {
        (DOCTYPE)
        html lang=(texts.lang) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                p { (texts.at) " " (now.strftime("%Y-%m-%d %H:%M UTC")) ". " strong { (claim) } }
                p { (legend(standings, language)) }
                h2 { (texts.picture) }
                (picture(standings, language))
                (timeline::section(past, french))
                h2 { (texts.all) }
                (table(standings, framework, texts, language, now))
                h2 { (texts.open) }
                @for standing in standings.iter().filter(|one| !one.verdict.passes()) {
                    (open(standing, texts, language, now))
                }
            }
        }
    }
    .into_string()
}

const fn verdict(verdict: Verdict, language: Language) -> &'static str {
    if is_french(language) {
        words::verdict(verdict)
    } else {
        verdict.as_str()
    }
}

fn count(standings: &[Standing<'_>], verdict: Verdict) -> usize {
    standings.iter().filter(|one| one.verdict == verdict).count()
}

/// How many have which verdict, in its colour.
fn legend(standings: &[Standing<'_>], language: Language) -> Markup {
    html! {
        @for one in Verdict::ALL {
            span class=(one.as_str()) { (count(standings, one)) " " (verdict(one, language)) }
            " "
        }
    }
}

/// A bar for each family: its controls by verdict.
fn picture(standings: &[Standing<'_>], language: Language) -> Markup {
    let families: Vec<_> = FAMILIES
        .iter()
        .map(|(code, in_french, in_english)| {
            let of: Vec<_> = standings
                .iter()
                .filter(|one| one.control.family() == *code)
                .cloned()
                .collect();
            (
                if is_french(language) {
                    in_french
                } else {
                    in_english
                },
                of,
            )
        })
        .filter(|(_, of)| !of.is_empty())
        .collect();
    let height = ROW * families.len();
    html! {
        svg viewBox=(format!("0 0 {} {height}", BAR + 280)) role="img" {
            @for (at, (name, of)) in families.iter().enumerate() {
                text x="0" y=(at * ROW + 15) { (name) }
                @for (verdict, from, width) in bars(of) {
                    rect class=(verdict.as_str()) x=(260 + from) y=(at * ROW + 3) width=(width) height=(ROW - 6) {}
                }
                text x=(BAR + 265) y=(at * ROW + 15) { (of.len()) }
            }
        }
    }
}

/// Verdict, where its part begins and how long it is.
fn bars(of: &[Standing<'_>]) -> Vec<(Verdict, usize, usize)> {
    let mut begun = 0;
    let mut parts = Vec::new();
    for verdict in Verdict::ALL {
        let end = begun + count(of, verdict);
        let at = |number: usize| BAR * number / of.len().max(1);
        if end > begun {
            parts.push((verdict, at(begun), at(end) - at(begun)));
        }
        begun = end;
    }
    parts
}

fn table(
    standings: &[Standing<'_>],
    framework: Option<&Framework>,
    texts: &Texts,
    language: Language,
    now: Timestamp,
) -> Markup {
    html! {
        table {
            thead { tr {
                @for head in texts.heads { th { (head) } }
                @if let Some(framework) = framework { th { (framework.name) } }
            } }
            tbody {
                @for one in standings {
                    tr {
                        td { (one.control.id) }
                        td { (title(one.control, language)) }
                        td { (words::severity(one.control.severity, language)) }
                        td { span class=(one.verdict.as_str()) { (verdict(one.verdict, language)) } }
                        td { (since(one.since)) }
                        td { (age(one.evidence_at, now)) }
                        @if let Some(framework) = framework {
                            td { (identifiers(one.control, framework).join(", ")) }
                        }
                    }
                }
            }
        }
    }
}

fn title(control: &Control, language: Language) -> &str {
    if is_french(language) {
        &control.title.fr
    } else {
        &control.title.en
    }
}

const fn is_french(language: Language) -> bool {
    matches!(language, Language::Fr)
}

/// One control that does not pass.
fn open(standing: &Standing<'_>, texts: &Texts, language: Language, now: Timestamp) -> Markup {
    let control = standing.control;
    let statement = if is_french(language) {
        &control.statement.fr
    } else {
        &control.statement.en
    };
    html! {
        section {
            h3 {
                (control.id) " " (title(control, language)) " "
                span class=(standing.verdict.as_str()) { (verdict(standing.verdict, language)) }
            }
            p { (statement) }
            p { (texts.owner) " : " code { (control.owner()) } }
            ul {
                @for said in standing.said.iter().filter(|said| !said.verdict.passes()) {
                    li { (texts.seen) " (" (said.about) ", " (verdict(said.verdict, language)) ") : " (said.because) (kept(said, texts, now)) }
                }
            }
            pre { (control.remediation.trim_end()) }
        }
    }
}

fn kept(said: &Said, texts: &Texts, now: Timestamp) -> Markup {
    html! {
        @if let Some(kept) = &said.evidence {
            br;
            small { (texts.evidence) " " (kept.name) ", " (age(Some(kept.collected_at), now)) ", SHA-256 " (kept.sha256) }
        }
    }
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}\n\
caption{text-align:left;font-weight:600}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid #ddd}\n\
td:first-child{white-space:nowrap}svg{width:100%;max-width:60rem;font-size:13px}pre{background:#f6f6f6;padding:.5rem;white-space:pre-wrap;font-size:.8rem}\n\
small{color:#555;overflow-wrap:anywhere}section{break-inside:avoid-page}span{font-weight:600}\n\
.pass{color:#0a6b2d;fill:#0a6b2d}.stale{color:#7a5b00;fill:#b58900}.error{color:#8a4b00;fill:#c96a00}.fail{color:#b00020;fill:#b00020}.not-yet{color:#555;fill:#9a9a9a}\n\
@media print{body{margin:0;max-width:none;font-size:10px}thead{display:table-header-group}tr{break-inside:avoid}*{print-color-adjust:exact}}\n";
