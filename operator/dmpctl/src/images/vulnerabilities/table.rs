//! What is known, as people read it: the worst first.

use std::fmt::Write as _;

use dmp_api::VulnerabilityExportSpec;
use dmp_homologation::vulnerabilities::found::{Finding, Found};
use dmp_homologation::vulnerabilities::rating::Rating;

/// The findings, then what nobody can tell, then what to type.
pub fn text(spec: &VulnerabilityExportSpec, found: &Found) -> String {
    let mut out = format!(
        "Export du {} : {} fiches concernent les paquets des images signées.\n",
        spec.exported_at, spec.records
    );
    if found.findings.is_empty() {
        out.push_str("Aucune vulnérabilité connue dans ces images.\n");
    } else {
        rows(&mut out, spec, &found.findings);
    }
    for untold in &found.untold {
        let _ = writeln!(out, "Non comparé : {untold}");
    }
    let unrated = found.findings.iter().filter(|one| one.rating.is_none()).count();
    let counting = found.findings.iter().filter(|one| one.counts()).count();
    let _ = writeln!(
        out,
        "{counting} critiques ou non évaluées ({unrated}), {} autres. Une vulnérabilité non évaluée compte comme critique.",
        found.findings.len() - counting
    );
    if let Some(open) = found.findings.iter().find(|one| one.counts() && !told(spec, one)) {
        let _ = writeln!(
            out,
            "À taper, une fois la DGSSI prévenue :\n  dmpctl images reported {} --reference RÉFÉRENCE --document FICHIER --context CONTEXTE",
            open.id
        );
    }
    out
}

fn rows(out: &mut String, spec: &VulnerabilityExportSpec, findings: &[Finding]) {
    let mut lines = vec![
        [
            "GRAVITÉ",
            "VULNÉRABILITÉ",
            "PAQUET",
            "VERSION",
            "CORRIGÉE DANS",
            "CONNUE LE",
            "DGSSI",
            "IMAGES",
        ]
        .map(ToOwned::to_owned),
    ];
    lines.extend(findings.iter().map(|one| row(spec, one)));
    let mut widths = [0; 8];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    for line in &lines {
        let cells = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

fn row(spec: &VulnerabilityExportSpec, one: &Finding) -> [String; 8] {
    let joined = |items: &std::collections::BTreeSet<String>| {
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        items.join(", ")
    };
    let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let known = one.published.map(|at| at.strftime("%Y-%m-%d").to_string());
    [
        rating(one.rating).to_owned(),
        one.id.clone(),
        one.package.name.to_string(),
        one.package.version.clone(),
        or_none(joined(&one.fixed)),
        or_none(known.unwrap_or_default()),
        if told(spec, one) { "signalée" } else { "-" }.to_owned(),
        joined(&one.images),
    ]
}

fn told(spec: &VulnerabilityExportSpec, one: &Finding) -> bool {
    spec.reports.iter().any(|report| one.names.contains(&report.id))
}

const fn rating(rating: Option<Rating>) -> &'static str {
    match rating {
        Some(Rating::Critical) => "critique",
        Some(Rating::High) => "élevée",
        Some(Rating::Medium) => "moyenne",
        Some(Rating::Low) => "faible",
        Some(Rating::None) => "nulle",
        None => "non évaluée",
    }
}
