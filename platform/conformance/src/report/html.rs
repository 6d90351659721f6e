//! The report for the developer: what is met, what to fix, the exchanges beside it. French, one file, no script, printable.

use std::fmt::Write as _;

use crate::bundle::{Bundle, Mode, Outcome, Sat};
use crate::exchange::{Body, Exchange};
use crate::judge::Finding;
use crate::suite::Verified;

use super::shorten;

/// Headers that say nothing to the developer.
const DULL: [&str; 6] = [
    "accept",
    "accept-encoding",
    "connection",
    "host",
    "user-agent",
    "vary",
];

/// The report. Every text of an exchange is escaped; documents are named by their size.
pub fn report(bundle: &Bundle) -> String {
    let mut out = String::new();
    let title = format!("{} — {} {}", bundle.title.fr, bundle.solution, bundle.version);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"fr\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        escaped(&title)
    );
    head(&mut out, bundle);
    summary(&mut out, bundle);
    for outcome in &bundle.requirements {
        requirement(&mut out, bundle, outcome);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn head(out: &mut String, bundle: &Bundle) {
    let count = |met| {
        bundle
            .requirements
            .iter()
            .filter(|outcome| outcome.met == met)
            .count()
    };
    let _ = write!(
        out,
        "<h1>{}</h1>\n<p class=\"sum\">Satisfaites : {} · non satisfaites : {} · non testées : {}</p>\n<dl>\n",
        escaped(&bundle.title.fr),
        count(Some(true)),
        count(Some(false)),
        count(None)
    );
    let mode = match bundle.mode {
        Mode::Sandbox => "bac à sable (montre, ne compte pas)",
        Mode::Rehearsal => "répétition par le serveur",
        Mode::Supervised => "supervisé par un laboratoire",
        Mode::Surveillance => "surveillance",
    };
    let sha256 = bundle.sha256();
    let facts = [
        ("Solution", bundle.solution.as_str()),
        ("Version", &bundle.version),
        ("Certificat", bundle.credential.as_deref().unwrap_or_default()),
        ("Profil", &bundle.profile),
        ("Version du profil", &bundle.profile_version),
        ("Empreinte du profil", &bundle.profile_sha256),
        ("Mode", mode),
        ("Graine", &bundle.seed.to_string()),
        ("Empreinte du résultat", &sha256),
    ];
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(out, "<dt>{name}</dt><dd>{}</dd>", escaped(value));
    }
    out.push_str("</dl>\n");
}

fn summary(out: &mut String, bundle: &Bundle) {
    out.push_str("<table>\n<tr><th>Exigence</th><th>État</th><th>Texte</th></tr>\n");
    for outcome in &bundle.requirements {
        let id = escaped(&outcome.id);
        let _ = writeln!(
            out,
            "<tr><td><a href=\"#{id}\">{id}</a></td><td>{}</td><td>{}</td></tr>",
            state(outcome),
            escaped(&outcome.text.fr)
        );
    }
    out.push_str("</table>\n");
}

fn state(outcome: &Outcome) -> String {
    let (class, text) = match outcome.met {
        Some(true) => ("met", "✓ satisfaite"),
        Some(false) => ("not", "✗ non satisfaite"),
        None => ("un", "– non testée"),
    };
    format!("<span class=\"{class}\">{text}</span>")
}

fn requirement(out: &mut String, bundle: &Bundle, outcome: &Outcome) {
    let id = escaped(&outcome.id);
    let _ = write!(
        out,
        "<section id=\"{id}\">\n<h2>{id} {}</h2>\n<p>{}</p>\n<p class=\"src\">{} ; vérification {}</p>\n",
        state(outcome),
        escaped(&outcome.text.fr),
        escaped(&outcome.source),
        match outcome.verified {
            Verified::Automatic => "automatique",
            Verified::Attested => "par attestation",
            Verified::Inspected => "par inspection",
            Verified::NotYet => "pas encore possible",
        }
    );
    if let Some(reason) = &outcome.not_tested {
        let _ = writeln!(out, "<p>Non testée : {}.</p>", escaped(&reason.fr));
    }
    for sat in &bundle.tests {
        for finding in sat
            .findings
            .iter()
            .filter(|finding| finding.requirement == outcome.id)
        {
            verdict(out, bundle, sat, finding);
        }
    }
    out.push_str("</section>\n");
}

fn verdict(out: &mut String, bundle: &Bundle, sat: &Sat, finding: &Finding) {
    let title = bundle
        .titles
        .get(&sat.test)
        .map_or(sat.test.as_str(), |title| &title.fr);
    let mark = if finding.met { "✓" } else { "✗" };
    let _ = writeln!(
        out,
        "<h3>{mark} {} <small>{}</small></h3>",
        escaped(title),
        escaped(&sat.test)
    );
    if finding.met {
        return;
    }
    let _ = writeln!(
        out,
        "<p class=\"fix\">À corriger : {}</p>",
        escaped(&finding.says.fr)
    );
    if let Some(error) = &finding.error {
        let _ = writeln!(
            out,
            "<p class=\"src\">La règle n’a pas pu être évaluée : {}</p>",
            escaped(&shorten::text(error))
        );
    }
    let mut shown = sat
        .exchanges
        .iter()
        .filter(|exchange| finding.exchanges.contains(&exchange.number))
        .peekable();
    if shown.peek().is_none() {
        out.push_str("<p>Aucun échange de ce genre n’a eu lieu pendant l’essai.</p>\n");
    }
    for exchange in shown {
        write_exchange(out, exchange);
    }
}

fn write_exchange(out: &mut String, exchange: &Exchange) {
    let Exchange {
        number,
        at_ms,
        took_ms,
        operation,
        request,
        response,
    } = exchange;
    let query: String = request
        .query
        .iter()
        .flat_map(|(name, values)| {
            values
                .iter()
                .map(move |value| format!(" {name}={}", shorten::text(value)))
        })
        .collect();
    let fault = match &response.fault {
        Some(fault) => format!(" · provoqué par l’essai : {fault}"),
        None => String::new(),
    };
    let _ = writeln!(
        out,
        "<div class=\"ex\"><p><b>n° {number}</b> · {} · à {at_ms} ms, {took_ms} ms{}</p>\n\
         <p><code>{} {}{}</code> → <code>{}</code></p>",
        escaped(operation),
        escaped(&fault),
        escaped(&request.method),
        escaped(&shorten::text(&request.path)),
        escaped(&query),
        response.status
    );
    part(out, "requête", request.headers.iter(), &request.body);
    part(out, "réponse", response.headers.iter(), &response.body);
    out.push_str("</div>\n");
}

fn part<'h>(
    out: &mut String,
    name: &str,
    headers: impl Iterator<Item = (&'h String, &'h String)>,
    body: &Body,
) {
    let mut lines: Vec<String> = headers
        .filter(|(name, _)| !DULL.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {}", shorten::text(value)))
        .collect();
    if let Some(body) = shorten::body(body) {
        lines.push(String::new());
        lines.push(body);
    }
    if !lines.is_empty() {
        let _ = writeln!(
            out,
            "<p class=\"src\">{name}</p><pre>{}</pre>",
            escaped(&lines.join("\n"))
        );
    }
}

/// For text and attributes in double quotes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}\n\
h2{margin-top:2.5rem;border-top:1px solid #ccc;padding-top:1rem;font-size:1.15rem}h3{font-size:1rem;margin-bottom:.3rem}\n\
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #ddd}\n\
td:nth-child(-n+2){white-space:nowrap}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dd{margin:0;overflow-wrap:anywhere}\n\
.sum{font-size:1.1rem}.met{color:#0a6b2d}.not{color:#b00020;font-weight:600}.un,.src{color:#555}.src{font-size:.85rem;margin:.4rem 0 .1rem}\n\
.fix{background:#fff4e5;border-left:4px solid #c60;padding:.5rem .8rem}.ex{border:1px solid #ccc;border-radius:4px;padding:.3rem .8rem .6rem;margin:.8rem 0}\n\
pre{background:#f6f6f6;padding:.5rem;margin:0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.8rem}code{overflow-wrap:anywhere}\n\
@media print{body{margin:0;max-width:none;font-size:11px}.ex{break-inside:avoid-page}pre{max-height:none}a{color:inherit;text-decoration:none}}\n";
