//! What came of a drill, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;

use super::Drilled;
use super::act::{Answer, Outcome};
use crate::compliance::list::text;
use crate::error::Result;

pub fn table(drilled: &[Drilled]) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{:<12} {:<46} {:<22} {:>9} {:>9}",
        "CONTRÔLE", "ESSAI", "RÉPONSE", "CONNU", "RÉPARÉ"
    );
    for Drilled { breach, outcome } in drilled {
        let _ = writeln!(
            out,
            "{:<12} {:<46} {:<22} {:>9} {:>9}",
            breach.control,
            breach.title,
            words(outcome),
            seconds(outcome.detected),
            seconds(outcome.corrected),
        );
    }
    for Drilled { breach, outcome } in drilled {
        if let Answer::Missed(why) = &outcome.answer {
            let _ = writeln!(out, "{} : {why}", breach.id);
        }
    }
    let good = drilled.iter().filter(|one| one.outcome.answer.is_good()).count();
    let _ = writeln!(
        out,
        "\n{good} essais sur {} ont reçu la réponse attendue ; rien n'en reste.",
        drilled.len()
    );
    out
}

/// Who answered, in French.
pub const fn words(outcome: &Outcome) -> &'static str {
    match outcome.answer {
        Answer::Refused(_) => "refusé",
        Answer::PutBack => "remis en place",
        Answer::Reported => "signalé",
        Answer::Missed(_) => "MANQUÉ",
    }
}

fn seconds(took: Option<Duration>) -> String {
    took.map_or_else(
        || "-".to_owned(),
        |took| format!("{:.2} s", took.as_secs_f64()).replace('.', ","),
    )
}

/// # Errors
/// When it cannot be written.
pub fn json(group: &str, drilled: &[Drilled]) -> Result<String> {
    let breaches: Vec<_> = drilled
        .iter()
        .map(|Drilled { breach, outcome }| {
            let (answer, said) = match &outcome.answer {
                Answer::Refused(said) => ("refused", said.as_str()),
                Answer::PutBack => ("put-back", ""),
                Answer::Reported => ("reported", ""),
                Answer::Missed(why) => ("missed", why.as_str()),
            };
            json!({
                "id": breach.id,
                "control": breach.control,
                "answer": answer,
                "said": said,
                "detectedSeconds": outcome.detected.map(|took| took.as_secs_f64()),
                "correctedSeconds": outcome.corrected.map(|took| took.as_secs_f64()),
            })
        })
        .collect();
    text(&json!({ "group": group, "breaches": breaches }))
}
