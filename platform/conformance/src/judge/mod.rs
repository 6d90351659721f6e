//! Judges the exchanges of a test by its rules.
//!
//! A rule is CEL over `exchanges` (list of [`Exchange`]) and `given` (what was prepared). Beside CEL's own functions it has
//!
//! - `at(value, "a.b.c")`: every value at that path, through lists as FHIRPath goes; a list, empty when there is none (null is
//!   none). A name with dots stands between backticks, `*` is every name;
//! - `sha1(text)`: base64 in, base64 of the SHA-1 out; `bytes_size(text)`: base64 in, bytes;
//! - `seconds(text)`: FHIR dateTime or HTTP date in, seconds since 1970.
//!
//! `given`, and `query`, `headers` and `body` of an exchange, are read with `at` alone; a text over 4 KiB is only compared and
//! hashed. CEL here is strict: a key that is not there ends the evaluation with an error, also inside `exists`; `at` never
//! does. A rule that looks at more than any software has to send ends with an error.

mod functions;
mod value;

pub(crate) use value::HIDDEN;

use cel::{Context, Value as Cel};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exchange::{Exchange, OPERATIONS};
use crate::suite::{Test, Text, Verdict};

use functions::Budget;

/// What one verdict says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Finding {
    /// Number of the requirement.
    pub requirement: String,
    pub met: bool,
    /// What to fix when it is not met.
    pub says: Text,
    /// Why the rule could not be evaluated; it counts as not met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Numbers of the exchanges that the rule looks at.
    pub exchanges: Vec<u32>,
}

/// One finding per verdict of the test, in order. `given` is the JSON that the software got.
pub fn judge(test: &Test, given: &Value, exchanges: &[Exchange]) -> Vec<Finding> {
    let budget = Budget::default();
    let context = match context(given, exchanges, &budget) {
        Ok(context) => context,
        Err(error) => {
            return test
                .verdicts
                .iter()
                .map(|verdict| broken(verdict, &error))
                .collect();
        }
    };
    test.verdicts
        .iter()
        .map(|verdict| {
            budget.renew();
            let (met, error) = match verdict.rule.program().execute(&context) {
                Ok(Cel::Bool(met)) => (met, None),
                Ok(_) => (false, Some("the rule says neither yes nor no".to_owned())),
                Err(error) => (false, Some(error.to_string().chars().take(MAX_ERROR).collect())),
            };
            Finding {
                requirement: verdict.requirement.clone(),
                met,
                says: verdict.says.clone(),
                error,
                exchanges: beside(verdict, exchanges),
            }
        })
        .collect()
}

/// Longest error, in characters: CEL writes the values it stumbles over.
const MAX_ERROR: usize = 300;

fn context<'c>(given: &Value, exchanges: &[Exchange], budget: &Budget) -> Result<Context<'c>, String> {
    let recorded = exchanges
        .iter()
        .map(|exchange| serde_json::to_value(exchange).map(|recorded| value::exchange(&recorded)))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let mut context = Context::default();
    functions::add(&mut context, budget);
    context.add_variable_from_value("exchanges", value::list(recorded));
    context.add_variable_from_value("given", value::hidden(value::of(given)));
    Ok(context)
}

fn broken(verdict: &Verdict, error: &str) -> Finding {
    Finding {
        requirement: verdict.requirement.clone(),
        met: false,
        says: verdict.says.clone(),
        error: Some(error.to_owned()),
        exchanges: Vec::new(),
    }
}

/// The exchanges of the operations that a rule names, without those for tokens when it names another operation too.
fn beside(verdict: &Verdict, exchanges: &[Exchange]) -> Vec<u32> {
    let texts = verdict.rule.texts();
    let named = |operation: &str| texts.iter().any(|text| text == operation);
    let any = OPERATIONS.iter().any(|operation| named(operation));
    exchanges
        .iter()
        .filter(|exchange| !any || named(&exchange.operation))
        .map(|exchange| exchange.number)
        .collect()
}
