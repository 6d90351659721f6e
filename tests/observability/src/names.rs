//! The metrics an expression of PromQL reads: its identifiers that are no function, keyword, label or variable.

use std::collections::BTreeSet;

const KEYWORDS: [&str; 14] = [
    "and",
    "or",
    "unless",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "offset",
    "bool",
    "inf",
    "nan",
    "atan2",
];
/// Keywords before a list of labels in parentheses.
const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// The metrics of `expression`; `ALERTS` and the like included, for the caller to judge.
pub fn metrics(expression: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut characters = expression.chars().peekable();
    let mut labels_next = false;
    while let Some(character) = characters.next() {
        match character {
            '"' | '\'' | '`' => skip_text(&mut characters, character),
            '{' => skip_until(&mut characters, '}'),
            '[' => skip_until(&mut characters, ']'),
            '(' if labels_next => {
                labels_next = false;
                skip_until(&mut characters, ')');
            }
            // a number or a duration
            digit if digit.is_ascii_digit() => {
                while characters
                    .next_if(|c| c.is_ascii_alphanumeric() || *c == '.')
                    .is_some()
                {}
            }
            letter if letter.is_ascii_alphabetic() || letter == '_' || letter == ':' => {
                let mut word = String::from(letter);
                while let Some(next) =
                    characters.next_if(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == ':')
                {
                    word.push(next);
                }
                while characters.next_if(|c| c.is_whitespace()).is_some() {}
                labels_next = BEFORE_LABELS.contains(&word.as_str());
                let keyword = KEYWORDS.contains(&word.to_lowercase().as_str());
                if !keyword && characters.peek() != Some(&'(') && !aggregation(&word, &mut characters) {
                    found.insert(word);
                }
            }
            _ => {}
        }
    }
    found
}

/// `sum by (…) (…)`: an aggregation may have its labels before its parentheses.
fn aggregation(word: &str, characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    const AGGREGATIONS: [&str; 12] = [
        "sum",
        "min",
        "max",
        "avg",
        "group",
        "stddev",
        "stdvar",
        "count",
        "count_values",
        "bottomk",
        "topk",
        "quantile",
    ];
    let before_labels = matches!(characters.peek(), Some('b' | 'w'));
    before_labels && AGGREGATIONS.contains(&word)
}

fn skip_until(characters: &mut impl Iterator<Item = char>, end: char) {
    while let Some(character) = characters.next() {
        match character {
            '"' | '\'' => skip_text(characters, character),
            last if last == end => return,
            _ => {}
        }
    }
}

fn skip_text(characters: &mut impl Iterator<Item = char>, quote: char) {
    while let Some(character) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::metrics;

    fn read(expression: &str) -> Vec<String> {
        metrics(expression).into_iter().collect()
    }

    #[test]
    fn the_metrics_are_what_is_neither_function_nor_label() {
        let errors = r#"sum by (le, route) (rate(a_total{service="x}y", z=~"b|c"}[5m])) / count(b) > 1e3"#;
        assert_eq!(read(errors), ["a_total", "b"]);
        assert_eq!(
            read("time() - max by (origin) (a:b) > 30 * 86400 offset 1h or absent(c) unless on (pod) d"),
            ["a:b", "c", "d"]
        );
        assert_eq!(read("histogram_quantile(0.95, x_bucket)"), ["x_bucket"]);
        assert_eq!(read("max(sum) by (pod)"), ["sum"]);
        assert_eq!(read("rate(x[$__rate_interval]) + 5m"), ["x"]);
    }
}
