//! A reader of standard output that leaves (`dmpctl … | head -1`) ends the program without a word.
//!
//! Rust turns the signal off by which other programs end then, and `println!` panics. The signal stays off: with it, the API
//! server that closes a connection would end `dmpctl` as well.

use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::process::exit;

/// What a shell shows of a program that this signal ended: 128 + SIGPIPE.
const READER_LEFT: i32 = 141;

/// From here on a write to a closed standard output or error ends the program with [`READER_LEFT`]; other panics are what they were.
pub fn end_with_the_reader() {
    let other = take_hook();
    set_hook(Box::new(move |panic| {
        if reader_left(panic) {
            exit(READER_LEFT);
        }
        other(panic);
    }));
}

/// The standard library's words are all it says; `tests/terminal.rs` sees when they change.
fn reader_left(panic: &PanicHookInfo<'_>) -> bool {
    panic
        .payload_as_str()
        .is_some_and(|said| said.starts_with("failed printing to std") && said.contains("(os error 32)"))
}
