//! Which fault of a test is due. Playing it is the gateway's.

use crate::suite::Fault;

/// The fault to play on a request of `operation` that is the `nth` of that operation in the test, counted from 1.
pub fn due<'a>(faults: &'a [Fault], operation: &str, nth: u32) -> Option<&'a Fault> {
    faults
        .iter()
        .find(|fault| fault.on == operation && nth >= fault.nth && nth - fault.nth < fault.times)
}
