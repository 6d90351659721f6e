//! One check over one world. Whatever cannot be answered is an error, and an error is no pass.

use std::sync::Arc;

use cel::{Context, ExecutionError, ResolveResult, Value as Cel};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::cel_value::{fits, object, of};
use crate::control::{Builtin, Check, Control, Rule};
use crate::expression::PARAMETERS;
use crate::time::{day, days_since, days_until};

/// What was collected, by the names of a check's inputs.
pub type Inputs = Map<String, Value>;

/// What a check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Fail,
    Error(Unanswered),
}

/// Why a check has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    #[error("the input `{0}` was not collected")]
    MissingInput(String),
    #[error("the check has no input `{0}`")]
    UnknownInput(String),
    #[error("the inputs are larger than what is judged")]
    TooLarge,
    #[error("the input `{0}` is not what the check expects")]
    WrongInput(String),
    #[error("the check says neither yes nor no")]
    NotBoolean,
    #[error("the check could not be evaluated: {0}")]
    Failed(String),
}

impl Unanswered {
    /// Stable, kebab case.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::MissingInput(_) => "missing-input",
            Self::UnknownInput(_) => "unknown-input",
            Self::TooLarge => "too-large",
            Self::WrongInput(_) => "wrong-input",
            Self::NotBoolean => "not-boolean",
            Self::Failed(_) => "failed",
        }
    }
}

/// Answers a check of the control with the parameters in force.
pub fn evaluate(control: &Control, check: &Check, inputs: &Inputs, now: Timestamp) -> Outcome {
    if let Err(reason) = complete(check, inputs) {
        return Outcome::Error(reason);
    }
    let answer = match &check.rule {
        Rule::Cel(expression) => {
            let mut context = Context::default();
            functions(&mut context, now);
            let parameters = control.parameters_on(day(now));
            let parameters = parameters.iter().map(|one| (one.name.as_str(), &one.value));
            context.add_variable_from_value(PARAMETERS, object(parameters));
            for (name, value) in inputs {
                context.add_variable_from_value(name.clone(), of(value));
            }
            match expression.program().execute(&context) {
                Ok(Cel::Bool(answer)) => Ok(answer),
                Ok(_) => Err(Unanswered::NotBoolean),
                Err(error) => Err(Unanswered::Failed(shortened(&error.to_string()))),
            }
        }
        Rule::Builtin(Builtin::TestsPassed) => tests_passed(control, inputs),
    };
    match answer {
        Ok(true) => Outcome::Pass,
        Ok(false) => Outcome::Fail,
        Err(reason) => Outcome::Error(reason),
    }
}

/// By what they are called, the items of a failing check's one list that fail by themselves; none where there is no one list.
pub fn offenders(control: &Control, check: &Check, inputs: &Inputs, now: Timestamp) -> Vec<String> {
    let mut lists = inputs
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_array()?)));
    let (Some((list, items)), None) = (lists.next(), lists.next()) else {
        return Vec::new();
    };
    let mut others = inputs.clone();
    others.remove(list);
    let alone = |item: &Value| {
        let mut inputs = others.clone();
        inputs.insert(list.clone(), Value::Array(vec![item.clone()]));
        evaluate(control, check, &inputs, now) == Outcome::Fail
    };
    let called = |item: &Value| {
        let names = ["name", "subject", "id", "reference"];
        let name = names.iter().find_map(|key| item.get(key)?.as_str())?;
        Some(shortened(name))
    };
    items
        .iter()
        .filter(|item| alone(item))
        .filter_map(called)
        .collect()
}

fn complete(check: &Check, inputs: &Inputs) -> Result<(), Unanswered> {
    if let Some(name) = check.inputs.keys().find(|name| !inputs.contains_key(*name)) {
        return Err(Unanswered::MissingInput(name.clone()));
    }
    if let Some(name) = inputs.keys().find(|name| !check.inputs.contains_key(*name)) {
        return Err(Unanswered::UnknownInput(shortened(name)));
    }
    let mut values = 0;
    if inputs.values().all(|value| fits(value, &mut values)) {
        Ok(())
    } else {
        Err(Unanswered::TooLarge)
    }
}

fn functions(context: &mut Context<'_>, now: Timestamp) {
    context.add_function("days_since", move |text: Arc<String>| -> ResolveResult {
        answer("days_since", days_since(&text, now))
    });
    context.add_function("days_until", move |text: Arc<String>| -> ResolveResult {
        answer("days_until", days_until(&text, now))
    });
}

fn answer(function: &str, days: Result<i64, String>) -> ResolveResult {
    days.map(Cel::Int)
        .map_err(|error| ExecutionError::function_error(function, error))
}

/// Every proof of the control is among the results, and none of its results is bad.
fn tests_passed(control: &Control, inputs: &Inputs) -> Result<bool, Unanswered> {
    let wrong = || Unanswered::WrongInput("results".to_owned());
    let results = inputs
        .get("results")
        .and_then(Value::as_array)
        .ok_or_else(wrong)?;
    let results = results
        .iter()
        .map(|result| Some((result.get("test")?.as_str()?, result.get("passed")?.as_bool()?)))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(wrong)?;
    let mut proofs = control.proofs().peekable();
    // Nothing proves a control that names no test.
    let some = proofs.peek().is_some();
    Ok(some
        && proofs.all(|proof| {
            let mut found = results.iter().filter(|(test, _)| *test == proof).peekable();
            found.peek().is_some() && found.all(|(_, passed)| *passed)
        }))
}

/// CEL writes the values it stumbles over.
fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
