//! What makes two submissions the same: SHA-256 of the Bundle's canonical form.
//!
//! Objects are written with their keys in order; what a sender writes anew at each attempt (id, meta and timestamp of
//! the Bundle itself) is left out.

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::Value;

/// Members of the Bundle that are not content.
const VOLATILE: [&str; 3] = ["id", "meta", "timestamp"];

pub(crate) fn content_digest(bundle: &Value) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    match bundle {
        Value::Object(members) => {
            write_object(
                &mut context,
                members
                    .iter()
                    .filter(|(name, _)| !VOLATILE.contains(&name.as_str())),
            );
        }
        other => write(&mut context, other),
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Every value with its kind and length in front, so that no two values have one form. Depth is bounded by the reader.
fn write(context: &mut Context, value: &Value) {
    match value {
        Value::Null => context.update(b"n"),
        Value::Bool(true) => context.update(b"t"),
        Value::Bool(false) => context.update(b"f"),
        Value::Number(number) => write_text(context, b"d", &number.to_string()),
        Value::String(text) => write_text(context, b"s", text),
        Value::Array(items) => {
            write_head(context, b"a", items.len());
            items.iter().for_each(|item| write(context, item));
        }
        Value::Object(members) => write_object(context, members.iter()),
    }
}

fn write_object<'a>(context: &mut Context, members: impl Iterator<Item = (&'a String, &'a Value)>) {
    let mut members: Vec<_> = members.collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    write_head(context, b"o", members.len());
    for (name, value) in members {
        write_text(context, b"k", name);
        write(context, value);
    }
}

fn write_text(context: &mut Context, kind: &[u8; 1], text: &str) {
    write_head(context, kind, text.len());
    context.update(text.as_bytes());
}

fn write_head(context: &mut Context, kind: &[u8; 1], length: usize) {
    context.update(kind);
    context.update(&(length as u64).to_be_bytes());
}
