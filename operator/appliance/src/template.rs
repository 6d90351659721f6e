//! Fills `{{name}}` in the texts of `files/`: every placeholder must be known and every value used.

use crate::error::{Error, Result};

/// Fills a text that is compiled in.
pub(crate) fn fill(text: &str, values: &[(&str, &str)]) -> Result<String> {
    let mut filled = text.to_owned();
    for (name, value) in values {
        let placeholder = format!("{{{{{name}}}}}");
        if !filled.contains(&placeholder) {
            return Err(broken(&placeholder, "is nowhere in"));
        }
        filled = filled.replace(&placeholder, value);
    }
    match filled.find("{{") {
        None => Ok(filled),
        Some(at) => {
            let rest: String = filled.chars().skip(at).take(40).collect();
            Err(broken(&rest, "has no value in"))
        }
    }
}

fn broken(placeholder: &str, how: &str) -> Error {
    Error::Command {
        what: "fill a template".to_owned(),
        detail: format!("`{placeholder}` {how} it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_placeholders_are_filled() {
        let filled = fill("a: {{x}} {{y}} {{x}}", &[("x", "1"), ("y", "2")]);
        assert_eq!(filled.expect("filled"), "a: 1 2 1");
    }

    #[test]
    fn a_forgotten_or_useless_value_is_an_error() {
        assert!(fill("a: {{x}} {{y}}", &[("x", "1")]).is_err());
        assert!(fill("a: {{x}}", &[("x", "1"), ("z", "3")]).is_err());
    }
}
