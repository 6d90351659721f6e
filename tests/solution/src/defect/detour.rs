//! Defects in what is asked next: a request too many, after one that had its answer.

use reqwest::StatusCode;

use crate::call::{Body, Call, Operation};
use crate::connection::Reply;
use crate::token::TokenExchange;

pub(super) fn search_by_less(_: &mut TokenExchange, call: &Call, reply: &Reply) -> Option<Call> {
    let nobody = reply.status.is_success() && reply.matches("Patient").is_empty();
    if call.operation != Operation::Find || !nobody {
        return None;
    }
    let Body::Form(form) = &call.body else {
        return None;
    };
    let (_, number) = form.first()?.1.split_once('|')?;
    let form = [("identifier", number)];
    Some(Call::form(Operation::Find, &call.path, form))
}

pub(super) fn retrieve_again(_: &mut TokenExchange, call: &Call, reply: &Reply) -> Option<Call> {
    (call.operation == Operation::Retrieve && reply.status.is_success()).then(|| call.clone())
}

pub(super) fn claim_emergency(exchange: &mut TokenExchange, call: &Call, reply: &Reply) -> Option<Call> {
    let shown = reply.status.is_success() && !reply.matches("DocumentReference").is_empty();
    let hidden = reply.status == StatusCode::FORBIDDEN || (reply.status.is_success() && !shown);
    if call.operation != Operation::List || !hidden {
        return None;
    }
    exchange.change_purpose("ETREAT");
    Some(call.clone())
}
