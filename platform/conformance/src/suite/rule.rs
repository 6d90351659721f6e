//! A rule: a CEL expression over `exchanges` and `given` that says yes or no. What it names must exist.

use std::fmt;
use std::sync::Arc;

use cel::Program;
use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::judge::HIDDEN;

/// Names that every rule has.
const VARIABLES: [&str; 2] = ["exchanges", "given"];

/// Functions with the number of their arguments, the target of a method among them.
const FUNCTIONS: [(&str, usize); 13] = [
    ("at", 2),
    ("sha1", 1),
    ("bytes_size", 1),
    ("seconds", 1),
    ("size", 1),
    ("contains", 2),
    ("startsWith", 2),
    ("endsWith", 2),
    ("matches", 2),
    ("string", 1),
    ("int", 1),
    ("uint", 1),
    ("double", 1),
];

/// A rule that compiles.
#[derive(Clone)]
pub struct Rule {
    text: String,
    program: Arc<Program>,
}

impl Rule {
    /// # Errors
    /// Why it cannot be evaluated whatever the exchanges are.
    pub fn compile(text: &str) -> Result<Self, String> {
        let program = Program::compile(text).map_err(|errors| one_line(&errors.to_string()))?;
        let mut scope = VARIABLES.to_vec();
        known(program.expression(), &mut scope)?;
        Ok(Self {
            text: text.to_owned(),
            program: Arc::new(program),
        })
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    /// The texts that it compares with: operations and faults are among them.
    pub(crate) fn texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        collect(self.program.expression(), &mut texts);
        texts
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rule").field(&self.text).finish()
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn known<'e>(at: &'e IdedExpr, scope: &mut Vec<&'e str>) -> Result<(), String> {
    match &at.expr {
        Expr::Ident(name) if scope.contains(&name.as_str()) => Ok(()),
        Expr::Ident(name) => Err(format!(
            "the rule knows no `{name}`: it has `exchanges` and `given`"
        )),
        Expr::Call(call) => {
            if call.func_name == operators::INDEX {
                call.args.first().map_or(Ok(()), closed)?;
            }
            known_function(
                &call.func_name,
                call.args.len() + usize::from(call.target.is_some()),
            )?;
            let parts = call.target.as_deref().into_iter().chain(&call.args);
            parts.into_iter().try_for_each(|part| known(part, scope))
        }
        Expr::Comprehension(of) => {
            closed(&of.iter_range)?;
            known(&of.iter_range, scope)?;
            known(&of.accu_init, scope)?;
            let outer = scope.len();
            scope.push(&of.iter_var);
            scope.push(&of.accu_var);
            scope.extend(of.iter_var2.as_deref());
            for part in [&of.loop_cond, &of.loop_step, &of.result] {
                known(part, scope)?;
            }
            scope.truncate(outer);
            Ok(())
        }
        Expr::Select(select) => {
            closed(&select.operand)?;
            known(&select.operand, scope)
        }
        Expr::List(list) => list.elements.iter().try_for_each(|part| known(part, scope)),
        Expr::Literal(_) => Ok(()),
        Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
            Err("a rule compares texts, numbers and lists: it makes no object of its own".to_owned())
        }
    }
}

/// What is read with `at` alone is not opened.
fn closed(at: &IdedExpr) -> Result<(), String> {
    let name = match &at.expr {
        Expr::Ident(name) if name == "given" => name,
        Expr::Select(select) if HIDDEN.contains(&select.field.as_str()) => &select.field,
        _ => return Ok(()),
    };
    Err(format!("what is in `{name}` is read with `at(…, \"…\")`"))
}

fn known_function(name: &str, arguments: usize) -> Result<(), String> {
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Ok(());
    }
    match FUNCTIONS.iter().find(|(known, _)| *known == name) {
        Some((_, needed)) if *needed == arguments => Ok(()),
        Some((_, needed)) => Err(format!("`{name}` takes {needed} arguments, not {arguments}")),
        None => Err(format!("there is no function `{name}`")),
    }
}

fn collect(at: &IdedExpr, texts: &mut Vec<String>) {
    match &at.expr {
        Expr::Literal(LiteralValue::String(text)) => texts.push(text.inner().to_owned()),
        Expr::Call(call) => {
            let parts = call.target.as_deref().into_iter().chain(&call.args);
            parts.for_each(|part| collect(part, texts));
        }
        Expr::Comprehension(of) => {
            let parts = [
                &of.iter_range,
                &of.accu_init,
                &of.loop_cond,
                &of.loop_step,
                &of.result,
            ];
            parts.into_iter().for_each(|part| collect(part, texts));
        }
        Expr::Select(select) => collect(&select.operand, texts),
        Expr::List(list) => list.elements.iter().for_each(|part| collect(part, texts)),
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    collect(&entry.key, texts);
                    collect(&entry.value, texts);
                }
            }
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => {}
    }
}
