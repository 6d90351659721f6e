//! `dmpctl incident notice`: the letter to somebody who is to be told. Templates are the files of `letters/`; facts come from the
//! object, what is in brackets is for people. A letter names no article that DMP-INC-01 does not name.

use dmp_api::Incident;
use dmp_api::incident::Addressee;
use dmp_api::incident::clocks::clocks;
use dmp_policies::Catalogue;
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::{Language, To, hours, meant, words};
use crate::error::{CliError, Result};

#[derive(clap::Args, Clone, Debug)]
pub struct NoticeOptions {
    /// The incident (`dmpctl incident status`)
    pub name: String,
    #[command(flatten)]
    pub to: To,
    /// Letters to patients are in French and in Arabic, the others in French
    #[arg(long, value_enum, default_value_t)]
    pub language: Language,
}

const fn template(to: Addressee, language: Language) -> Option<&'static str> {
    match (to, language) {
        (Addressee::Dgssi, Language::Fr) => Some(include_str!("letters/dgssi.fr.txt")),
        (Addressee::Customer, Language::Fr) => Some(include_str!("letters/customer.fr.txt")),
        (Addressee::Cndp, Language::Fr) => Some(include_str!("letters/cndp.fr.txt")),
        (Addressee::Patient, Language::Fr) => Some(include_str!("letters/patient.fr.txt")),
        (Addressee::Patient, Language::Ar) => Some(include_str!("letters/patient.ar.txt")),
        (Addressee::Dgssi | Addressee::Customer | Addressee::Cndp, Language::Ar) => None,
    }
}

/// The letter. Pure.
///
/// # Errors
/// `notice-not-due`, `no-letter`.
pub fn letter(
    catalogue: &Catalogue,
    incident: &Incident,
    options: &NoticeOptions,
    now: Timestamp,
) -> Result<String> {
    let (spec, language) = (&incident.spec, options.language);
    let clocks = clocks(spec, &hours(catalogue, spec)?, now);
    let clock = meant(&clocks, &options.to)?;
    let template = template(clock.to, language).ok_or_else(|| {
        CliError::new(
            "no-letter",
            "this letter exists in French only",
            "leave --language out; the one to patients is in Arabic too",
        )
    })?;
    let group = clock.group.as_ref();
    let values = [
        ("{incident}", incident.name_any()),
        ("{severity}", words::severity(spec.severity, language).to_owned()),
        ("{aware}", words::moment(spec.aware())),
        ("{due}", clock.due_at.map_or_else(String::new, words::moment)),
        ("{affected}", words::affected(spec, language)),
        (
            "{customer}",
            group.map_or_else(
                || "tous les clients de la plateforme".to_owned(),
                |name| format!("groupe {name}"),
            ),
        ),
        (
            "{personal}",
            words::personal(spec.personal_data, language).to_owned(),
        ),
        ("{today}", words::moment(now)),
        // The last: what people wrote is not looked at for names of values.
        ("{summary}", spec.summary.clone()),
    ];
    let mut text = template.to_owned();
    for (name, value) in values {
        text = text.replace(name, &value);
    }
    Ok(text)
}
