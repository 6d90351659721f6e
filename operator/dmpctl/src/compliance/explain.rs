//! One control, from statement to what somebody types.

use std::fmt::Write as _;

use dmp_policies::Catalogue;
use dmp_policies::control::{Control, Rule};
use dmp_policies::profile::text;
use jiff::civil::Date;

use super::words::{self, Words};
use super::{ExplainOptions, Language, known};
use crate::error::Result;

/// Columns of a page.
const WIDTH: usize = 100;

/// # Errors
/// `no-control`, with the ids that are nearest.
pub fn explain(catalogue: &Catalogue, options: &ExplainOptions, today: Date) -> Result<String> {
    let control = known(catalogue, &options.id)?;
    let language = options.language;
    let words = words::of(language);
    let mut page = Page::default();
    head(&mut page, control, language);
    let statement = match language {
        Language::En => &control.statement.en,
        Language::Fr | Language::Ar => &control.statement.fr,
    };
    page.section(words.statement);
    page.text(2, statement);
    page.section(words.rationale);
    page.text(2, &control.rationale);
    mappings(&mut page, catalogue, control, words);
    parameters(&mut page, control, words, today);
    implementation(&mut page, control, words, language);
    checks(&mut page, control, words);
    page.section(words.evidence);
    page.text(2, &control.evidence.how);
    let days = control.evidence.ttl_days;
    page.text(2, &format!("{}: {days} d", words.lives));
    if let Some(form) = &control.implementation.form {
        page.text(2, &format!("{}: {form}", words.form));
    }
    page.text(2, &format!("{}: {}", words.owner, control.owner()));
    page.section(words.remedy);
    for line in control.remediation.lines() {
        let _ = writeln!(page.0, "  {line}");
    }
    Ok(page.0)
}

fn head(page: &mut Page, control: &Control, language: Language) {
    let title = match language {
        Language::Fr => &control.title.fr,
        Language::Ar => &control.title.ar,
        Language::En => &control.title.en,
    };
    let words = words::of(language);
    let _ = writeln!(page.0, "{}  {title}", control.id);
    let _ = writeln!(
        page.0,
        "{}: {}   {}: {}   {}: MA",
        words.severity,
        words::severity(control.severity, language),
        words.state,
        words::state(control.implementation.state, language),
        words.territory,
    );
    let _ = writeln!(page.0, "{}", words.claim);
}

fn mappings(page: &mut Page, catalogue: &Catalogue, control: &Control, words: &Words) {
    page.section(words.mappings);
    for framework in catalogue.frameworks() {
        let Some(ids) = control.mappings.get(&framework.key) else {
            continue;
        };
        page.text(2, &framework.name);
        for id in ids {
            let title = framework.identifier(id).and_then(|known| known.title.as_deref());
            page.text(4, &format!("{id}  {}", title.unwrap_or_default()));
        }
    }
}

fn parameters(page: &mut Page, control: &Control, words: &Words, today: Date) {
    page.section(&format!("{} {today}", words.parameters));
    let parameters = control.parameters_on(today);
    if parameters.is_empty() {
        page.text(2, words.none);
    }
    for parameter in parameters {
        page.text(
            2,
            &format!(
                "{} = {}  ({}; {} {})",
                parameter.name,
                text(&parameter.value),
                parameter.unit,
                words.since,
                parameter.since
            ),
        );
        if let Some(own) = &parameter.instead_of {
            let text = format!("{} {} ({})", words.instead_of, text(&own.value), own.reason);
            page.text(4, &text);
        }
    }
}

fn implementation(page: &mut Page, control: &Control, words: &Words, language: Language) {
    let it = &control.implementation;
    page.section(words.implementation);
    let places: Vec<_> = control.enforcement.iter().map(|place| place.as_str()).collect();
    page.text(
        2,
        &format!("{} ({})", words::state(it.state, language), places.join(", ")),
    );
    for by in &it.by {
        let (kind, name) = by.parts();
        let _ = writeln!(page.0, "  {kind:<7} {name}");
    }
    for (name, text) in [(words.missing, &it.missing), (words.limits, &it.limits)] {
        if let Some(text) = text {
            page.text(2, &format!("{name}: {text}"));
        }
    }
}

fn checks(page: &mut Page, control: &Control, words: &Words) {
    page.section(words.checks);
    if control.checks.is_empty() {
        page.text(2, words.none);
    }
    for check in &control.checks {
        page.text(2, &format!("{}: {}", check.name, check.asks));
        page.text(
            4,
            if check.observed {
                words.observed
            } else {
                words.unobserved
            },
        );
        for (name, what) in &check.inputs {
            page.text(4, &format!("{name}: {what}"));
        }
        match &check.rule {
            Rule::Cel(expression) => page.text(4, &format!("CEL: {}", expression.text())),
            Rule::Builtin(builtin) => page.text(4, &format!("{}: {}", words.builtin, builtin.as_str())),
        }
    }
}

/// What is printed so far.
#[derive(Default)]
struct Page(String);

impl Page {
    fn section(&mut self, title: &str) {
        let _ = writeln!(self.0, "\n{title}");
    }

    /// A text in lines of the page's width; what goes on stands two columns further in.
    fn text(&mut self, indent: usize, text: &str) {
        let mut line = " ".repeat(indent);
        let mut length = indent;
        let mut begun = false;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let letters = word.chars().count();
            if begun && length + 1 + letters > WIDTH {
                let _ = writeln!(self.0, "{line}");
                line = " ".repeat(indent + 2);
                length = indent + 2;
                begun = false;
            }
            if begun {
                line.push(' ');
                length += 1;
            }
            line.push_str(word);
            length += letters;
            begun = true;
        }
        let _ = writeln!(self.0, "{line}");
    }
}
