//! The suite's files are compiled in: a changed one makes this crate new.

fn main() {
    println!("cargo::rerun-if-changed=../../tests/conformance");
}
