//! The program and a reader that leaves.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};

#[test]
fn a_reader_that_left_ends_it_without_a_word() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = Command::new(env!("CARGO_BIN_EXE_dmpctl"))
        .args(["compliance", "list"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
    assert_eq!(ended.status.code(), Some(141));
}
