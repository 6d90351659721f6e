//! Runs other programs to their end: quietly, without a shell, with the error told in one line.
//!
//! Programs that stay are `daemon`'s business.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    process::Stdio,
};

use tokio::{io::AsyncWriteExt, process::Command};

use crate::error::{Error, Result};

/// Lines of a failed program's output that a person gets to see.
const TAIL_LINES: usize = 12;

/// Searched after the caller's PATH, which may lack them (`su`, `sudo`).
const PROGRAM_FOLDERS: [&str; 5] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/go/bin"];

/// A program that is started with nothing on standard input and ends with its caller.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command
        .env("PATH", search_path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The full path of a program.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&search_path())
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

fn search_path() -> OsString {
    let own = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&own).chain(PROGRAM_FOLDERS.iter().map(PathBuf::from));
    std::env::join_paths(folders).unwrap_or(own)
}

/// Runs a command and returns its standard output; `what` completes "could not …".
pub(crate) async fn run(what: &str, command: &mut Command) -> Result<String> {
    let output = command.output().await.map_err(|error| Error::Command {
        what: what.to_owned(),
        detail: error.to_string(),
    })?;
    conclude(what, output)
}

/// As [`run`], with `input` on standard input.
pub(crate) async fn run_with_input(what: &str, command: &mut Command, input: &[u8]) -> Result<String> {
    let failed = |error: std::io::Error| Error::Command {
        what: what.to_owned(),
        detail: error.to_string(),
    };
    let mut child = command.stdin(Stdio::piped()).spawn().map_err(failed)?;
    let stdin = child.stdin.take();
    let feed = async move {
        if let Some(mut stdin) = stdin {
            // A program that does not read to the end says why itself.
            drop(stdin.write_all(input).await);
        }
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), feed);
    conclude(what, output.map_err(failed)?)
}

fn conclude(what: &str, output: std::process::Output) -> Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = if output.stderr.is_empty() {
        &output.stdout
    } else {
        &output.stderr
    };
    Err(Error::Command {
        what: what.to_owned(),
        detail: format!("{}: {}", output.status, tail(&String::from_utf8_lossy(text))),
    })
}

/// The last lines of a text.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_keeps_the_last_lines_and_drops_blank_ones() {
        let text = (0..20).map(|n| format!("{n}\n\n")).collect::<String>();
        let kept = tail(&text);
        assert!(kept.starts_with('8') && kept.ends_with("19"));
    }

    #[tokio::test]
    async fn a_failure_says_what_and_why() {
        let error = run("list a folder", program("ls").arg("/nowhere/at/all"))
            .await
            .expect_err("there is no such folder");
        assert!(error.to_string().contains("could not list a folder"));
        assert!(error.to_string().contains("No such file"));
    }

    #[tokio::test]
    async fn input_reaches_the_program() {
        let echoed = run_with_input("echo", &mut program("cat"), b"one line")
            .await
            .expect("cat runs");
        assert_eq!(echoed, "one line");
    }
}
