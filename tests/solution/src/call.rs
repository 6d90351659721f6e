//! One request to the platform, before it is sent: which transaction, which method and path, which body.
//!
//! How it is sent is `connection`'s; whether it is repeated, `retry`'s.

use reqwest::Method;
use serde_json::Value;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// RFC 8693 exchange at the token endpoint.
    Token,
    /// PIXm Patient Identity Feed, of a patient as she is registered.
    Feed,
    /// The same, of what has changed.
    Update,
    /// PDQm Mobile Patient Demographics Query.
    Find,
    /// MHD Provide Document Bundle.
    Submit,
    /// MHD Find Document References.
    List,
    /// MHD Retrieve Document.
    Retrieve,
}

impl Operation {
    /// The name under which the platform knows it.
    pub const fn transaction(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Feed | Self::Update => "iti-104",
            Self::Find => "iti-78",
            Self::Submit => "iti-65",
            Self::List => "iti-67",
            Self::Retrieve => "iti-68",
        }
    }
}

/// Names and values of a query or a form, in order.
pub type Parameters = Vec<(String, String)>;

/// A request. No `Debug`: it speaks of a person.
#[derive(Clone)]
pub struct Call {
    pub operation: Operation,
    pub method: Method,
    /// Begins with `/`.
    pub path: String,
    pub query: Parameters,
    pub body: Body,
}

/// What a request carries. No `Debug`: it is a person's data.
#[derive(Clone)]
pub enum Body {
    Nothing,
    Form(Parameters),
    /// A FHIR resource.
    Resource(Value),
}

impl Call {
    /// A form: what is asked for stays out of the URL, and so out of every log on the way.
    pub fn form<const N: usize>(operation: Operation, path: &str, form: [(&str, &str); N]) -> Self {
        let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            operation,
            method: Method::POST,
            path: path.to_owned(),
            query: Parameters::new(),
            body: Body::Form(form.into()),
        }
    }

    pub fn resource(operation: Operation, method: Method, path: &str, resource: Value) -> Self {
        Self {
            operation,
            method,
            path: path.to_owned(),
            query: Parameters::new(),
            body: Body::Resource(resource),
        }
    }

    pub fn get(operation: Operation, path: String) -> Self {
        Self {
            operation,
            method: Method::GET,
            path,
            query: Parameters::new(),
            body: Body::Nothing,
        }
    }

    #[must_use]
    pub fn with_query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }
}
