//! The description of the guichet (OpenAPI 3.1), from one table. A test asks every operation of the router: a route that is not described, or
//! described and not there, fails.

use std::sync::OnceLock;

use dmp_client::guichet::PREFIX;
use dmp_core::json::Json;
use dmp_homologation::guichet as words;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Who may ask.
#[derive(Clone, Copy)]
pub(super) enum Who {
    Everybody,
    /// Whoever has logged in.
    Person,
    /// A member of the vendor, or a reader of a body.
    Sees,
    Member,
    /// A reader of the body of security.
    Security,
}

type Schema = fn(&mut SchemaGenerator) -> Value;

/// One operation.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    who: Who,
    summary: &'static str,
    asked: Option<Schema>,
    answer: Schema,
    /// A list: `limit` and `continue`.
    in_parts: bool,
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

fn any(_: &mut SchemaGenerator) -> Value {
    json!({ "type": "object" })
}

const fn get(path: &'static str, who: Who, summary: &'static str, answer: Schema) -> Operation {
    Operation {
        method: "get",
        path,
        who,
        summary,
        asked: None,
        answer,
        in_parts: false,
    }
}

const fn list(path: &'static str, who: Who, summary: &'static str) -> Operation {
    Operation {
        in_parts: true,
        ..get(path, who, summary, of::<words::Entries>)
    }
}

const fn does(
    method: &'static str,
    path: &'static str,
    who: Who,
    summary: &'static str,
    asked: Option<Schema>,
    answer: Schema,
) -> Operation {
    Operation {
        method,
        path,
        who,
        summary,
        asked,
        answer,
        in_parts: false,
    }
}

/// All operations.
pub(super) const OPERATIONS: &[Operation] = &[
    get("/openapi.json", Who::Everybody, "This description.", any),
    get(
        "/catalogue",
        Who::Everybody,
        "The public catalogue: its text as it was signed, and the signature (dmpctl catalogue verify).",
        any,
    ),
    get(
        "/profiles",
        Who::Everybody,
        "Profiles of the conformance suite, with requirements and tests.",
        any,
    ),
    list(
        "/programmes",
        Who::Everybody,
        "The rules by which is homologated.",
    ),
    get(
        "/me",
        Who::Person,
        "Who asks, and the vendors they speak for.",
        of::<words::Me>,
    ),
    does(
        "post",
        "/vendors",
        Who::Person,
        "An organisation signs up. The same again is no error.",
        Some(of::<words::SignUp>),
        of::<words::VendorView>,
    ),
    get(
        "/vendors/{vendor}",
        Who::Sees,
        "The vendor and its place in the sandbox.",
        of::<words::VendorView>,
    ),
    does(
        "put",
        "/vendors/{vendor}/members",
        Who::Member,
        "Who speaks for the vendor.",
        Some(of::<words::Members>),
        of::<words::VendorView>,
    ),
    does(
        "put",
        "/vendors/{vendor}/sandbox",
        Who::Member,
        "Makes the synthetic people of the sandbox, or finds them there, and names them.",
        None,
        of::<words::Sandbox>,
    ),
    does(
        "post",
        "/vendors/{vendor}/sandbox/reset",
        Who::Member,
        "A new, empty population; nobody of the one before can be seen any more.",
        None,
        of::<words::VendorView>,
    ),
    does(
        "post",
        "/vendors/{vendor}/sandbox/log-ins",
        Who::Member,
        "One of the synthetic people logs in: an identity token for the vendor's sandbox software.",
        Some(of::<words::SandboxLogIn>),
        of::<words::IdToken>,
    ),
    list("/vendors/{vendor}/solutions", Who::Sees, "Products."),
    does(
        "post",
        "/vendors/{vendor}/solutions",
        Who::Member,
        "A product.",
        Some(of::<words::NewSolution>),
        of::<words::Entry>,
    ),
    list("/vendors/{vendor}/versions", Who::Sees, "Versions."),
    does(
        "post",
        "/vendors/{vendor}/versions",
        Who::Member,
        "A version, frozen, with the hash of what is delivered and of its bill of materials.",
        Some(of::<words::NewVersion>),
        of::<words::Entry>,
    ),
    list("/vendors/{vendor}/evidence", Who::Sees, "Evidence."),
    does(
        "post",
        "/vendors/{vendor}/evidence",
        Who::Member,
        "A document, by its hash.",
        Some(of::<words::NewEvidence>),
        of::<words::Entry>,
    ),
    list(
        "/vendors/{vendor}/credentials",
        Who::Sees,
        "Certificates of the vendor's software.",
    ),
    does(
        "post",
        "/vendors/{vendor}/credentials",
        Who::Member,
        "Asks for a certificate; with another request (CSR) under the same name, for the next one.",
        Some(of::<words::NewCredential>),
        of::<words::Entry>,
    ),
    get(
        "/vendors/{vendor}/credentials/{name}",
        Who::Sees,
        "One of them; its certificate is in the status once it is signed.",
        of::<words::Entry>,
    ),
    list(
        "/vendors/{vendor}/homologations",
        Who::Sees,
        "Submissions and where they stand.",
    ),
    does(
        "post",
        "/vendors/{vendor}/homologations",
        Who::Member,
        "Submits a version.",
        Some(of::<words::NewSubmission>),
        of::<words::Entry>,
    ),
    get(
        "/vendors/{vendor}/homologations/{name}",
        Who::Sees,
        "Where it stands, what is missing, by when each domain has promised its review.",
        of::<words::Entry>,
    ),
    does(
        "post",
        "/vendors/{vendor}/homologations/{name}/withdraw",
        Who::Member,
        "Gives a submission up.",
        None,
        of::<words::Entry>,
    ),
    list(
        "/vendors/{vendor}/homologations/{name}/reviews",
        Who::Sees,
        "What was said about it.",
    ),
    does(
        "post",
        "/vendors/{vendor}/homologations/{name}/reviews",
        Who::Person,
        "Hands in a signed review or decision; whose it is, its signature says.",
        Some(of::<words::NewStatement>),
        of::<words::Entry>,
    ),
    list(
        "/vendors/{vendor}/runs",
        Who::Sees,
        "Results of the conformance suite.",
    ),
    does(
        "post",
        "/vendors/{vendor}/runs",
        Who::Sees,
        "Hands in a signed result (members, and readers of a laboratory).",
        Some(of::<words::NewStatement>),
        of::<words::Entry>,
    ),
    list(
        "/vendors/{vendor}/non-conformities",
        Who::Sees,
        "What surveillance found, each with its deadline.",
    ),
    does(
        "post",
        "/vendors/{vendor}/non-conformities/{name}/answers",
        Who::Member,
        "What the vendor says and does about it; a deciding body's signature closes it.",
        Some(of::<words::NewAnswer>),
        of::<words::Entry>,
    ),
    does(
        "post",
        "/incidents/{name}/affected",
        Who::Security,
        "Whose records, of those that a group keeps, software or a person touched. The asking is in the log before it is answered.",
        Some(of::<words::AffectedQuestion>),
        of::<words::Affected>,
    ),
];

/// `GET openapi.json`.
pub(super) async fn serve() -> Json<Value> {
    static DESCRIPTION: OnceLock<Value> = OnceLock::new();
    Json(DESCRIPTION.get_or_init(description).clone())
}

/// The whole description.
pub fn description() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = format!("{PREFIX}{}", operation.path);
        let item = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(item) = item.as_object_mut() {
            item.insert(operation.method.to_owned(), described(operation, &mut generator));
        }
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "DMP: guichet des éditeurs",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What vendors, bodies and laboratories ask for. The log-in is an identity token (OIDC) of an issuer of the platform. Errors are RFC 9457 problems with a stable `code` (docs/errors.md).",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "logIn": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
        },
    })
}

fn described(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let json_of = |schema: Value| json!({ "application/json": { "schema": schema } });
    let names = operation
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    if operation.in_parts {
        let limit = json!({ "type": "integer", "minimum": 1, "maximum": words::LARGEST_PART, "default": words::PART });
        parameters.push(json!({ "name": "limit", "in": "query", "schema": limit }));
        parameters.push(json!({
            "name": "continue", "in": "query", "schema": { "type": "string" },
            "description": "`continue` of the part before; without it the list begins.",
        }));
    }
    let problem =
        json!({ "description": "A problem (RFC 9457)", "content": { "application/problem+json": {} } });
    let mut described = json!({
        "summary": operation.summary,
        "responses": {
            "200": { "description": "Done, or found", "content": json_of((operation.answer)(generator)) },
            "default": problem,
        },
    });
    let Some(fields) = described.as_object_mut() else {
        return described;
    };
    if !parameters.is_empty() {
        fields.insert("parameters".to_owned(), json!(parameters));
    }
    if let Some(asked) = operation.asked {
        let body = json!({ "required": true, "content": json_of(asked(generator)) });
        fields.insert("requestBody".to_owned(), body);
    }
    let who = match operation.who {
        Who::Everybody => "Everybody, without log-in.",
        Who::Person => "Whoever has logged in.",
        Who::Sees => "Members of the vendor, and readers of a body.",
        Who::Member => "Members of the vendor.",
        Who::Security => "Readers of the body of security.",
    };
    fields.insert("description".to_owned(), json!(who));
    if !matches!(operation.who, Who::Everybody) {
        fields.insert("security".to_owned(), json!([{ "logIn": [] }]));
    }
    described
}
