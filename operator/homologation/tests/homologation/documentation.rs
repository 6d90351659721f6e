//! "What is tried" in `docs/homologation.md` names tests: each is in the file that it is said to be in.

use std::path::Path;

/// Where the tables of the gateway's rules leave the folder out.
const GATEWAY: &str = "platform/gateway/tests/gateway";

/// Words in backticks.
fn named(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

#[test]
fn every_test_that_is_named_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("docs/homologation.md")).unwrap();
    let (_, section) = text.split_once("\n## What is tried\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let (mut files, mut tests) = (0, 0);
    for line in section.lines() {
        let mut source: Option<(String, String)> = None;
        for word in named(line) {
            if word.ends_with(".rs") && word != "documentation.rs" {
                let path = if word.contains('/') {
                    word.to_owned()
                } else {
                    format!("{GATEWAY}/{word}")
                };
                let read = std::fs::read_to_string(root.join(&path));
                source = Some((read.unwrap_or_else(|error| panic!("{path}: {error}")), path));
                files += 1;
            } else if let (Some((source, path)), true) = (&source, word.contains('_')) {
                let function = format!("fn {word}()");
                let (before, _) = source
                    .split_once(&function)
                    .unwrap_or_else(|| panic!("no {word} in {path}"));
                let attributes = before.rsplit("\n\n").next().unwrap_or_default();
                assert!(attributes.contains("test"), "{word} in {path} is no test");
                tests += 1;
            }
        }
    }
    assert!(files > 40 && tests > 60, "{files} files, {tests} tests");
}
