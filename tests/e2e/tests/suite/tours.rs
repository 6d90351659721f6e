//! The tours of `docs/tours/`, word by word: every command of their console blocks is run as a reader would, and its output
//! must be what the page shows. In a page `…` stands for any text, a line with `…` alone for any lines; the width of gaps between
//! columns does not count. A command without output shown must succeed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::stage::{Stage, binaries, on_stage};

/// A whole tour takes less.
const LIMIT_SECONDS: &str = "300";
/// Comes before and after each command's output; no command prints it.
const MARK: &str = "\u{1e}";

#[test]
fn host() {
    tour("host");
}

#[test]
fn security() {
    tour("security");
}

#[test]
fn vendor() {
    tour("vendor");
}

#[test]
fn group() {
    tour("group");
}

/// One command of a page and the lines below it.
#[derive(Debug, PartialEq)]
struct Step {
    command: String,
    output: Vec<String>,
}

/// The steps of all console blocks of a page. `$ ` begins a command, `> ` goes on with it.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, _) => match (line.strip_prefix("$ "), line.strip_prefix("> "), steps.last_mut()) {
                (Some(command), ..) => steps.push(Step {
                    command: command.to_owned(),
                    output: Vec::new(),
                }),
                (None, Some(more), Some(step)) if step.output.is_empty() => {
                    step.command.push('\n');
                    step.command.push_str(more);
                }
                (None, _, Some(step)) => step.output.push(line.to_owned()),
                (None, _, None) => panic!("output before the first command: {line}"),
            },
            (false, _) => {}
        }
    }
    steps
}

/// Runs of white space are one space.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a line is what a page shows: `…` is any text.
fn line_fits(shown: &str, line: &str) -> bool {
    let (shown, line) = (words(shown), words(line));
    let parts: Vec<&str> = shown.split('…').collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return shown == line;
    };
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Whether an output is what a page shows: a line `…` is any lines, none included.
fn fits(shown: &[String], output: &[&str]) -> bool {
    match shown.split_first() {
        None => output.is_empty(),
        Some((line, rest)) if line.trim() == "…" => {
            (0..=output.len()).any(|skip| fits(rest, &output[skip..]))
        }
        Some((line, rest)) => output
            .split_first()
            .is_some_and(|(first, others)| line_fits(line, first) && fits(rest, others)),
    }
}

/// A folder with `kubectl` and this build's programs, in front of `PATH`.
fn path(stage: &Stage, folder: &Path) -> String {
    std::os::unix::fs::symlink(&stage.running.kubectl, folder.join("kubectl")).unwrap();
    format!(
        "{}:{}:{}",
        folder.display(),
        binaries().display(),
        std::env::var("PATH").unwrap_or_default()
    )
}

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/tours")
        .join(format!("{name}.md"))
}

fn tour(name: &str) {
    on_stage(&format!("tour-{name}"), async |stage| {
        // A reader comes from `make up`, which has played the demonstration: the directory knows its people.
        stage.world().await;
        let steps = steps(&std::fs::read_to_string(page(name)).unwrap());
        let mut script = String::new();
        for step in &steps {
            script.push_str(&format!(
                "printf '{MARK}'\n{}\nprintf '{MARK}%s' $?\n",
                step.command
            ));
        }
        let (folder, tools) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let output = Command::new("timeout")
            .args([LIMIT_SECONDS, "bash", "-c", &format!("exec 2>&1\n{script}")])
            .current_dir(folder.path())
            .env("PATH", path(stage, tools.path()))
            .env("DMP_APPLIANCE", stage.running.name.to_string())
            .env_remove("KUBECONFIG")
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let mut parts = printed.split(MARK).skip(1);
        let mut wrong = String::new();
        for step in &steps {
            let said = parts.next().unwrap_or("(the tour ended before)\n");
            let status = parts.next().unwrap_or_default();
            let lines: Vec<&str> = said.lines().collect();
            let right = fits(&step.output, &lines) && (!step.output.is_empty() || status == "0");
            eprintln!("$ {}\n{said}", step.command);
            if !right {
                wrong.push_str(&format!(
                    "$ {}\nthe page shows:\n{}\nit printed (exit code {status}):\n{said}\n",
                    step.command,
                    step.output.join("\n")
                ));
            }
        }
        assert!(
            wrong.is_empty(),
            "docs/tours/{name}.md is not what happens\n{wrong}"
        );
    });
}

#[test]
fn a_page_is_read_and_compared_as_said() {
    let found =
        steps("text\n```console\n$ one\n> more\nout 1\n$ two\n```\n$ no\n```console\n$ three\n…\n```\n");
    let commands: Vec<&str> = found.iter().map(|step| step.command.as_str()).collect();
    assert_eq!(commands, ["one\nmore", "two", "three"]);
    assert_eq!(found[0].output, ["out 1"]);
    assert!(found[1].output.is_empty());

    let shown = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert!(fits(
        &shown(&["NAME  AGE", "a     …s"]),
        &["NAME   AGE", "a      17s"]
    ));
    assert!(fits(&shown(&["a", "…", "d"]), &["a", "b", "c", "d"]));
    assert!(fits(&shown(&["a", "…"]), &["a"]));
    for (lines, output) in [
        (["a", "b"], ["a", "c"]),
        (["a …x", "b"], ["a y", "b"]),
        (["…", "b"], ["b", "c"]),
    ] {
        assert!(!fits(&shown(&lines), &output), "{lines:?}");
    }
    assert!(!fits(&shown(&["a"]), &["a", "b"]), "more than is shown");
}
