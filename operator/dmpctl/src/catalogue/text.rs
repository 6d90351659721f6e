//! The catalogue for people, in French. Product and company names are other people's texts: no control character of them
//! reaches the terminal.

use std::fmt::Write as _;

use dmp_api::catalogue::Opening;
use dmp_api::catalogue_entry::{CatalogueState, Published, PublishedProfile};
use dmp_api::solution::ProductKind;
use dmp_api::{CatalogueStatus, SystemWord};

/// Text of somebody else, as it may be printed.
pub fn shown(text: &str) -> String {
    let plain = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    text.chars().map(plain).collect()
}

/// The day of an RFC 3339 time.
pub fn day(time: &str) -> &str {
    time.split('T').next().unwrap_or(time)
}

pub const fn state(state: CatalogueState) -> &'static str {
    match state {
        CatalogueState::Homologated => "homologué",
        CatalogueState::Suspended => "suspendu",
        CatalogueState::Expired => "expiré",
        CatalogueState::Withdrawn => "retiré par l’éditeur",
        CatalogueState::Revoked => "révoqué",
    }
}

pub const fn kind(kind: ProductKind) -> &'static str {
    match kind {
        ProductKind::Hospital => "hôpital",
        ProductKind::Laboratory => "laboratoire",
        ProductKind::Pharmacy => "pharmacie",
        ProductKind::Cabinet => "cabinet",
        ProductKind::PatientApp => "application de patient",
        ProductKind::Directory => "annuaire",
    }
}

/// The first line of the list.
pub fn title(status: Option<&CatalogueStatus>) -> String {
    let Some(status) = status else {
        return "catalogue vide : rien n’a encore été homologué\n".to_owned();
    };
    match (
        &status.issuer,
        status.number,
        &status.generated_at,
        &status.next_update,
    ) {
        (Some(issuer), Some(number), Some(generated), Some(next)) => format!(
            "Catalogue de {issuer}, n° {number} du {}, {} entrées, valable jusqu’au {}\n",
            day(generated),
            status.entries.unwrap_or_default(),
            day(next)
        ),
        _ => "catalogue non signé : `kubectl describe catalogue national` dit pourquoi\n".to_owned(),
    }
}

/// One line of the list: who said what of the platform or of a group.
pub fn opening(opening: &Opening) -> String {
    let subject = opening
        .health_group
        .as_deref()
        .map_or_else(|| "plateforme".to_owned(), |name| format!("groupe {name}"));
    let says = match opening.says {
        SystemWord::Audit => "audit",
        SystemWord::Decision => "ouverture",
        SystemWord::Refusal => "refus",
        SystemWord::Extension => "prolongation d’urgence",
    };
    let until = opening.until.as_deref();
    let until = until.map_or_else(String::new, |until| format!(", jusqu’au {until}"));
    let (body, since) = (shown(&opening.body), day(&opening.since));
    format!("{subject} : {says} par {body} le {since}{until}\n")
}

/// One line of the list.
pub fn line(entry: &Published) -> String {
    let scopes = if entry.scopes.is_empty() {
        "–".to_owned()
    } else {
        entry.scopes.join(", ")
    };
    format!(
        "{}  {} {} ({}) : {} depuis le {} ; {scopes} ; jusqu’au {}\n",
        entry.id,
        shown(&entry.product),
        entry.version,
        shown(&entry.organisation.name),
        state(entry.state),
        day(&entry.state_since),
        day(&entry.until),
    )
}

/// The whole entry.
pub fn details(entry: &Published) -> String {
    let mut out = format!(
        "{} {} ({})\n  éditeur     {} (ICE {})\n  état        {} depuis le {}\n",
        shown(&entry.product),
        entry.version,
        kind(entry.kind),
        shown(&entry.organisation.name),
        entry.organisation.ice,
        state(entry.state),
        day(&entry.state_since),
    );
    if let Some(reason) = &entry.reason {
        let _ = writeln!(out, "  motif       {}", shown(reason));
    }
    for past in &entry.history {
        let _ = writeln!(
            out,
            "  avant       {} depuis le {}",
            state(past.state),
            day(&past.since)
        );
    }
    let _ = writeln!(
        out,
        "  homologué   depuis le {}, jusqu’au {}",
        day(&entry.since),
        day(&entry.until)
    );
    let _ = writeln!(out, "  ouvre       {}", entry.scopes.join(", "));
    if let Some(package) = &entry.package_sha256 {
        let _ = writeln!(out, "  paquet      sha256 {package}");
    }
    for profile in &entry.profiles {
        out.push_str(&tested(profile));
    }
    let label = if entry.label.is_some() { "oui" } else { "non" };
    let _ = writeln!(out, "  label       {label}");
    out
}

fn tested(profile: &PublishedProfile) -> String {
    let when = profile
        .tested_at
        .as_deref()
        .map_or_else(|| "jamais".to_owned(), |time| format!("le {}", day(time)));
    format!(
        "  profil      {} : {} satisfaites, {} non satisfaites, {} non testées (laboratoire, {when})\n",
        profile.name, profile.met, profile.not_met, profile.not_tested
    )
}

#[cfg(test)]
mod tests {
    use dmp_api::body::Role;

    use super::*;

    #[test]
    fn no_control_character_reaches_the_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\r\né"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}é");
    }

    #[test]
    fn an_emergency_is_a_line_of_the_list() {
        let of = |group: Option<&str>| {
            opening(&Opening {
                health_group: group.map(ToOwned::to_owned),
                says: SystemWord::Extension,
                role: Role::Security,
                body: "DGSSI\u{1b}[2J".to_owned(),
                until: Some("2026-12-20".to_owned()),
                since: "2026-11-30T10:00:00Z".to_owned(),
            })
        };
        assert_eq!(
            of(Some("souss-massa")),
            "groupe souss-massa : prolongation d’urgence par DGSSI\u{fffd}[2J le 2026-11-30, jusqu’au 2026-12-20\n"
        );
        assert!(of(None).starts_with("plateforme : "));
    }

    #[test]
    fn an_unsigned_catalogue_is_said_to_be_so() {
        assert!(title(None).starts_with("catalogue vide"));
        assert!(title(Some(&CatalogueStatus::default())).starts_with("catalogue non signé"));
    }
}
