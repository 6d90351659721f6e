//! Says what a label is worth, in French. Pure but for its arguments: no network, no clock.
//!
//! What a label that the platform did not sign states is not repeated: it is anybody's text.

use std::fmt::Write as _;

use dmp_api::catalogue::PublicKey;
use dmp_api::catalogue_entry::CatalogueState;
use dmp_homologation::feed::{self, Feed, Listed};
use dmp_homologation::jws;
use dmp_homologation::label::{self, Invalid, Label};
use jiff::Timestamp;
use serde::Deserialize;

use crate::catalogue::text::{day, kind, shown, state};
use crate::error::{CliError, Result};

/// The catalogue's two files.
#[derive(Clone, Debug)]
pub struct Catalogue {
    pub text: Vec<u8>,
    pub signature: String,
}

/// The keys of labels in `keys.json`.
///
/// # Errors
/// `keys` when there are none.
pub fn keys(text: &str) -> Result<Vec<PublicKey>> {
    #[derive(Deserialize)]
    struct Keys {
        #[serde(default)]
        label: Vec<PublicKey>,
    }
    let none = |why: &str| {
        CliError::new(
            "keys",
            format!("the file of keys {why}"),
            "take keys.json from who publishes the platform's keys (`dmpctl catalogue export` writes it)",
        )
    };
    let keys: Keys = serde_json::from_str(text).map_err(|_| none("is not the platform's keys.json"))?;
    if keys.label.is_empty() {
        return Err(none("has no key of labels"));
    }
    Ok(keys.label)
}

/// What there is to say, and whether the label is worth anything.
pub fn verify(
    text: &str,
    keys: &[PublicKey],
    catalogue: Option<&Catalogue>,
    now: Timestamp,
) -> (String, Result<()>) {
    let label = match label::read(text, keys) {
        Ok(label) => label,
        Err(invalid) => return forged(&invalid),
    };
    let mut out = stated(&label);
    if let Err(invalid) = label.in_time(now) {
        let (what, code) = match invalid {
            Invalid::Early(_) => ("pas encore valable", "label-early"),
            _ => ("périmé", "label-expired"),
        };
        let _ = writeln!(out, "✘ signé par la plate-forme, mais {what}");
        let remedy = "ask the vendor for the present label: it is renewed every 20 days while the version is homologated";
        return (
            out,
            Err(CliError::new(
                code,
                format!("the label does not count: {invalid}"),
                remedy,
            )),
        );
    }
    out.push_str("✔ signé par la plate-forme, dans sa durée\n");
    let Some(catalogue) = catalogue else {
        out.push_str(
            "? sans le catalogue, une suspension ou une révocation depuis sa signature ne se voit pas\n",
        );
        return (out, Ok(()));
    };
    let feed = match feed::verify(&catalogue.text, &catalogue.signature, keys, now) {
        Ok(feed) => feed,
        Err(invalid) => return refused(out, &invalid),
    };
    let outcome = listed(&mut out, &feed, &label);
    (out, outcome)
}

fn stated(label: &Label) -> String {
    let package = label
        .package_sha256
        .as_ref()
        .map(|sha256| format!("  paquet     sha256 {sha256}\n"))
        .unwrap_or_default();
    format!(
        "Label de {}\n  logiciel   {} {} ({})\n  éditeur    {} (ICE {})\n  ouvre      {}\n{package}  valable    du {} au {}\n  catalogue  {}\n",
        shown(&label.iss),
        shown(&label.product),
        label.version,
        kind(label.kind),
        shown(&label.organisation.name),
        label.organisation.ice,
        label.scopes.join(", "),
        label.from().strftime("%Y-%m-%d"),
        label.until().strftime("%Y-%m-%d"),
        shown(&label.sub),
    )
}

fn forged(invalid: &Invalid) -> (String, Result<()>) {
    let said = match invalid {
        Invalid::Jws(jws::Invalid::NotJws) => "✘ ce n’est pas un label\n",
        Invalid::Jws(jws::Invalid::OtherType) => {
            "✘ ce n’est pas un label, mais une signature sur autre chose\n"
        }
        Invalid::Jws(jws::Invalid::UnknownKey(_)) => {
            "✘ faux, ou signé avec une clé plus récente que keys.json\n"
        }
        _ => "✘ faux : la plate-forme n’a pas signé ce texte\n",
    };
    let error = CliError::new(
        "label-forged",
        format!("the platform did not sign this label: {invalid}"),
        "believe nothing it says; if its key is newer than yours, take the present keys.json and verify again",
    );
    (said.to_owned(), Err(error))
}

fn refused(mut out: String, invalid: &feed::Invalid) -> (String, Result<()>) {
    let (said, code) = match invalid {
        feed::Invalid::Outdated { .. } => ("✘ catalogue périmé : il ne dit plus rien", "catalogue-outdated"),
        feed::Invalid::Jws(_) => (
            "✘ catalogue faux : la plate-forme ne l’a pas signé",
            "catalogue-forged",
        ),
    };
    let _ = writeln!(out, "{said}");
    let error = CliError::new(
        code,
        format!("the catalogue says nothing: {invalid}"),
        "take catalogue.json and catalogue.jws again from where they are published, both at the same time",
    );
    (out, Err(error))
}

fn listed(out: &mut String, feed: &Feed, label: &Label) -> Result<()> {
    let edition = format!(
        "catalogue n° {} du {}",
        feed.number,
        feed.generated_at.strftime("%Y-%m-%d")
    );
    let (said, code, message) = match feed.says(label) {
        Listed::InForce => {
            let _ = writeln!(out, "✔ {edition} : {}", state(CatalogueState::Homologated));
            return Ok(());
        }
        Listed::Narrowed(gone) => (
            format!("n’ouvre plus {}", gone.join(", ")),
            "label-narrowed",
            "the homologation has fewer scopes than the label".to_owned(),
        ),
        Listed::Ended { state: ended, since } => (
            format!(
                "n’est plus homologué : {} depuis le {}",
                state(ended),
                day(&since)
            ),
            "label-ended",
            format!("the version is {} since {since}", ended.as_str()),
        ),
        Listed::NotYet => (
            "antérieur au label : il ne peut rien en dire".to_owned(),
            "catalogue-outdated",
            "the catalogue is older than the label".to_owned(),
        ),
        Listed::Absent => (
            "ne connaît pas ce logiciel".to_owned(),
            "label-ended",
            "the catalogue has no such entry".to_owned(),
        ),
        Listed::OtherIssuer => (
            "est celui d’une autre plate-forme".to_owned(),
            "catalogue-other",
            "label and catalogue are of two platforms".to_owned(),
        ),
    };
    let _ = writeln!(out, "✘ {edition} : {said}");
    let remedy = "the newest catalogue decides: do not connect what it does not have in force";
    Err(CliError::new(code, message, remedy))
}
