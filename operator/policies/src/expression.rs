//! A CEL expression of a check: parsed, with every name known and its cost bounded, before anything is evaluated.
//!
//! The cost is the number of steps in the worst world there can be: every list has as many items as an input may have. Two
//! lists that are gone through inside each other fit into the budget, three do not.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use cel::Program;
use cel::common::ast::{CallExpr, Expr, IdedExpr, operators};

use crate::cel_value::MOST_ITEMS;
use crate::problem::Wrong;

/// The parameters in force, in every expression.
pub const PARAMETERS: &str = "params";

/// Steps in the worst world.
const BUDGET: u64 = 100_000_000;

/// Longest expression, in bytes.
const LONGEST: usize = 2_000;

/// Most items of a parameter that is a list.
pub(crate) const MOST_OF_PARAMETER: usize = 50;

/// Functions with the number of their arguments, the target of a method among them.
const FUNCTIONS: [(&str, usize); 8] = [
    ("size", 1),
    ("contains", 2),
    ("startsWith", 2),
    ("endsWith", 2),
    ("string", 1),
    ("int", 1),
    ("days_since", 1),
    ("days_until", 1),
];

/// An expression that can be evaluated.
#[derive(Clone)]
pub struct Expression {
    text: String,
    program: Arc<Program>,
}

/// Why it cannot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Refused {
    pub wrong: Wrong,
    pub what: String,
}

fn refused(wrong: Wrong, what: impl Into<String>) -> Refused {
    Refused {
        wrong,
        what: what.into(),
    }
}

impl Expression {
    /// `inputs` and `parameters`: the names that it may use.
    ///
    /// # Errors
    /// `cel-unparsable`, `cel-unknown-name`, `input-unused`, `cel-over-budget`.
    pub fn compile(
        text: &str,
        inputs: &BTreeSet<&str>,
        parameters: &BTreeSet<&str>,
    ) -> Result<Self, Refused> {
        if text.len() > LONGEST {
            return Err(refused(
                Wrong::CelOverBudget,
                format!("the expression has over {LONGEST} bytes"),
            ));
        }
        let program = Program::compile(text)
            .map_err(|errors| refused(Wrong::CelUnparsable, one_line(&errors.to_string())))?;
        known(program.expression(), inputs, parameters)?;
        let cost = cost(program.expression());
        if cost > BUDGET {
            return Err(refused(
                Wrong::CelOverBudget,
                format!(
                    "the expression may take {cost} steps, {BUDGET} are allowed: it goes through lists inside lists"
                ),
            ));
        }
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
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(300).collect()
}

fn known<'e>(
    at: &'e IdedExpr,
    inputs: &'e BTreeSet<&'e str>,
    parameters: &'e BTreeSet<&'e str>,
) -> Result<(), Refused> {
    let mut names = Names {
        inputs,
        parameters,
        own: Vec::new(),
        used: BTreeSet::new(),
    };
    names
        .know(at)
        .map_err(|what| refused(Wrong::CelUnknownName, what))?;
    match inputs.iter().find(|name| !names.used.contains(**name)) {
        Some(name) => Err(refused(
            Wrong::InputUnused,
            format!("the expression does not look at its input `{name}`"),
        )),
        None => Ok(()),
    }
}

/// What an expression may name, and which inputs it does.
struct Names<'e> {
    inputs: &'e BTreeSet<&'e str>,
    parameters: &'e BTreeSet<&'e str>,
    /// Variables of the macros around.
    own: Vec<&'e str>,
    used: BTreeSet<&'e str>,
}

impl<'e> Names<'e> {
    fn know(&mut self, at: &'e IdedExpr) -> Result<(), String> {
        match &at.expr {
            Expr::Ident(name) => self.name(name),
            Expr::Literal(_) => Ok(()),
            Expr::Select(select) => {
                if matches!(&select.operand.expr, Expr::Ident(name) if self.is_parameters(name)) {
                    return if self.parameters.contains(select.field.as_str()) {
                        Ok(())
                    } else {
                        Err(format!("the control has no parameter `{}`", select.field))
                    };
                }
                self.know(&select.operand)
            }
            Expr::Call(call) => {
                function(call)?;
                let parts = call.target.as_deref().into_iter().chain(&call.args);
                parts.into_iter().try_for_each(|part| self.know(part))
            }
            Expr::List(list) => list.elements.iter().try_for_each(|part| self.know(part)),
            Expr::Comprehension(of) => {
                self.know(&of.iter_range)?;
                self.know(&of.accu_init)?;
                let outer = self.own.len();
                self.own.push(&of.iter_var);
                self.own.push(&of.accu_var);
                self.own.extend(of.iter_var2.as_deref());
                for part in [&of.loop_cond, &of.loop_step, &of.result] {
                    self.know(part)?;
                }
                self.own.truncate(outer);
                Ok(())
            }
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err("a check compares what it is given: it makes no object of its own".to_owned())
            }
        }
    }

    fn name(&mut self, name: &str) -> Result<(), String> {
        if self.own.contains(&name) {
            return Ok(());
        }
        if let Some(input) = self.inputs.get(name) {
            self.used.insert(input);
            return Ok(());
        }
        if name == PARAMETERS {
            return Err(format!("`{PARAMETERS}` is used as `{PARAMETERS}.<name>`"));
        }
        Err(format!("the check has no input `{name}`"))
    }

    fn is_parameters(&self, name: &str) -> bool {
        name == PARAMETERS && !self.own.contains(&name) && !self.inputs.contains(name)
    }
}

fn function(call: &CallExpr) -> Result<(), String> {
    let name = call.func_name.as_str();
    // Operators.
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Ok(());
    }
    let arguments = call.args.len() + usize::from(call.target.is_some());
    match FUNCTIONS.iter().find(|(known, _)| *known == name) {
        Some((_, needed)) if *needed == arguments => Ok(()),
        Some((_, needed)) => Err(format!("`{name}` takes {needed} arguments, not {arguments}")),
        None => Err(format!("there is no function `{name}`")),
    }
}

fn cost(at: &IdedExpr) -> u64 {
    let all = |parts: &[IdedExpr]| parts.iter().map(cost).fold(0, u64::saturating_add);
    let parts = match &at.expr {
        Expr::Ident(_) | Expr::Literal(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => 0,
        Expr::Select(select) => cost(&select.operand),
        Expr::List(list) => all(&list.elements),
        Expr::Call(call) => call
            .target
            .as_deref()
            .map_or(0, cost)
            .saturating_add(all(&call.args))
            .saturating_add(looked_through(call)),
        Expr::Comprehension(of) => {
            let once = cost(&of.loop_cond).saturating_add(cost(&of.loop_step));
            cost(&of.iter_range)
                .saturating_add(cost(&of.accu_init))
                .saturating_add(once.saturating_mul(MOST_ITEMS as u64))
                .saturating_add(cost(&of.result))
        }
    };
    parts.saturating_add(1)
}

/// Items that `in` looks at.
fn looked_through(call: &CallExpr) -> u64 {
    if call.func_name != operators::IN {
        return 0;
    }
    let items = match call.args.last().map(|list| &list.expr) {
        Some(Expr::List(list)) => list.elements.len(),
        Some(Expr::Select(select)) if matches!(&select.operand.expr, Expr::Ident(name) if name == PARAMETERS) => {
            MOST_OF_PARAMETER
        }
        _ => MOST_ITEMS,
    };
    items as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(text: &str) -> Result<(), Wrong> {
        let inputs = BTreeSet::from(["pods", "nodes"]);
        let parameters = BTreeSet::from(["most"]);
        // Both inputs are looked at, whatever the case is about.
        let text = format!("size(pods) + size(nodes) >= 0 && ({text})");
        Expression::compile(&text, &inputs, &parameters)
            .map(|_| ())
            .map_err(|refused| refused.wrong)
    }

    #[test]
    fn what_is_known_compiles_and_nothing_else() {
        for (text, expected) in [
            ("pods.all(pod, pod.age <= params.most)", Ok(())),
            ("pods.all(pod, nodes.exists(node, node.name == pod.node))", Ok(())),
            ("has(pods[0].name) && 'a' in pods", Ok(())),
            ("days_until('2027-01-01') > 3", Ok(())),
            ("pods.all(pod,", Err(Wrong::CelUnparsable)),
            ("pods = 3", Err(Wrong::CelUnparsable)),
            ("secrets == 3", Err(Wrong::CelUnknownName)),
            ("pod.name == ''", Err(Wrong::CelUnknownName)),
            ("params.least > 1", Err(Wrong::CelUnknownName)),
            ("params == 1", Err(Wrong::CelUnknownName)),
            ("params['most'] == 1", Err(Wrong::CelUnknownName)),
            ("'a'.matches('(a+)+$')", Err(Wrong::CelUnknownName)),
            ("size(pods, nodes) == 1", Err(Wrong::CelUnknownName)),
            ("{'a': 1} == pods", Err(Wrong::CelUnknownName)),
            (
                "pods.all(a, pods.all(b, nodes.all(c, a == b || b == c)))",
                Err(Wrong::CelOverBudget),
            ),
            (
                "pods.all(a, pods.all(b, a in nodes && b in nodes))",
                Err(Wrong::CelOverBudget),
            ),
        ] {
            assert_eq!(compile(text), expected, "{text}");
        }
        let long = format!("'{}' == ''", "x".repeat(LONGEST));
        assert_eq!(compile(&long), Err(Wrong::CelOverBudget));
        let deep = format!("{}true{}", "(".repeat(400), ")".repeat(400));
        assert!(compile(&deep).is_err());
    }

    #[test]
    fn an_input_that_nobody_looks_at_is_named() {
        let refused = Expression::compile("pods == 1", &BTreeSet::from(["pods", "nodes"]), &BTreeSet::new());
        let refused = refused.map(|_| ()).unwrap_err();
        assert_eq!(refused.wrong, Wrong::InputUnused);
        assert!(refused.what.contains("`nodes`"), "{refused}");
    }
}
