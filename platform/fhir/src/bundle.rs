//! Bundle: the transaction that comes in, the answers that go out.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::element::Element;
use crate::error::{FhirError, IssueType};
use crate::id;
use crate::reference::Reference;

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"];

/// A Bundle of type `transaction`.
pub struct Transaction<'a> {
    /// In the order of the Bundle; never empty.
    pub entries: Vec<Entry<'a>>,
}

#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pub full_url: Option<&'a str>,
    /// One of the HTTP verbs of FHIR, in capitals.
    pub method: &'a str,
    /// As sent: `DocumentReference`, `Patient/<id>`, `Patient?identifier=…`.
    pub url: &'a str,
    /// Present for POST and PUT.
    pub resource: Option<&'a Value>,
}

impl<'a> Entry<'a> {
    /// `resourceType` of the entry's resource.
    pub fn kind(&self) -> Option<&'a str> {
        self.resource?.get("resourceType")?.as_str()
    }
}

impl<'a> Transaction<'a> {
    /// # Errors
    /// `not-a-bundle`, `not-a-transaction`, `bundle-empty`, `entry-without-request`, `entry-without-resource`,
    /// `entry-url-mismatch`, `full-url-repeated`, or what is wrong with an element.
    pub fn parse(bundle: &'a Value) -> Result<Self, FhirError> {
        if bundle.get("resourceType").and_then(Value::as_str) != Some("Bundle") {
            return Err(FhirError::new(
                "not-a-bundle",
                IssueType::Structure,
                "Bundle",
                "a Bundle is expected",
            ));
        }
        let bundle = Element::resource(bundle, "Bundle")?;
        if bundle.text("type")? != Some("transaction") {
            return Err(FhirError::new(
                "not-a-transaction",
                IssueType::Value,
                "Bundle.type",
                "a Bundle of type transaction is expected",
            ));
        }
        let mut entries = Vec::new();
        let mut urls = HashSet::new();
        for element in bundle.elements("entry")? {
            let entry = read_entry(&element)?;
            if entry.full_url.is_some_and(|url| !urls.insert(url)) {
                return Err(FhirError::new(
                    "full-url-repeated",
                    IssueType::Duplicate,
                    element.at("fullUrl"),
                    "two entries have one fullUrl",
                ));
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            return Err(FhirError::new(
                "bundle-empty",
                IssueType::Required,
                "Bundle.entry",
                "there is no entry",
            ));
        }
        Ok(Self { entries })
    }

    /// The entry a reference points to: by fullUrl, or by `Type/id` below a fullUrl that is a URL.
    pub fn resolve(&self, reference: &Reference<'_>) -> Option<&Entry<'a>> {
        match *reference {
            Reference::Uuid(urn) | Reference::Oid(urn) => self.by_full_url(|url| url == urn),
            Reference::Literal { base, kind, id } => self.by_full_url(|url| {
                matches!(Reference::parse_url(url), Some(Reference::Literal { base: here, kind: k, id: i })
                    if k == kind && i == id && here.is_some() && (base.is_none() || base == here))
            }),
            Reference::Contained(_) | Reference::Conditional { .. } | Reference::Identifier(_) => None,
        }
    }

    fn by_full_url(&self, matches: impl Fn(&str) -> bool) -> Option<&Entry<'a>> {
        self.entries
            .iter()
            .find(|entry| entry.full_url.is_some_and(&matches))
    }
}

fn read_entry<'a>(element: &Element<'a>) -> Result<Entry<'a>, FhirError> {
    let Some(request) = element.element("request")? else {
        return Err(FhirError::new(
            "entry-without-request",
            IssueType::Required,
            element.at("request"),
            "an entry of a transaction needs its request",
        ));
    };
    let method = request
        .code("method", &METHODS)?
        .ok_or_else(|| FhirError::required(request.at("method")))?;
    let url = request.required("url")?;
    let resource = element.element("resource")?;
    let entry = Entry {
        full_url: element.text("fullUrl")?,
        method,
        url,
        resource: element.value("resource"),
    };
    let Some(resource) = resource else {
        if matches!(method, "POST" | "PUT") {
            return Err(FhirError::new(
                "entry-without-resource",
                IssueType::Required,
                element.at("resource"),
                "the entry needs its resource",
            ));
        }
        return Ok(entry);
    };
    let kind = resource.required("resourceType")?;
    if resource.text("id")?.is_some_and(|id| !id::is_valid(id)) {
        return Err(FhirError::value(resource.at("id"), "not a FHIR id"));
    }
    // POST [type]; PUT [type]/id or [type]?search; PATCH carries a patch, not the resource.
    let named = url.split(['/', '?']).next().unwrap_or_default();
    let fits = match method {
        "POST" => url == kind,
        "PUT" => named == kind,
        _ => true,
    };
    if !fits {
        return Err(FhirError::new(
            "entry-url-mismatch",
            IssueType::Invariant,
            request.at("url"),
            "the request's URL is not that of the resource",
        ));
    }
    Ok(entry)
}

/// One answer inside a transaction-response.
#[derive(Clone, Default)]
pub struct ResponseEntry {
    /// `201 Created`, `200 OK`.
    pub status: String,
    pub location: Option<String>,
    pub etag: Option<String>,
    /// FHIR instant.
    pub last_modified: Option<String>,
    pub outcome: Option<Value>,
}

/// The Bundle that answers a transaction, one entry per request entry in order.
pub fn transaction_response(entries: Vec<ResponseEntry>) -> Value {
    let entries: Vec<Value> = entries
        .into_iter()
        .map(|entry| {
            let mut response = Map::new();
            response.insert("status".to_owned(), entry.status.into());
            let optional = [
                ("location", entry.location.map(Value::String)),
                ("etag", entry.etag.map(Value::String)),
                ("lastModified", entry.last_modified.map(Value::String)),
                ("outcome", entry.outcome),
            ];
            response.extend(
                optional
                    .into_iter()
                    .filter_map(|(name, value)| Some((name.to_owned(), value?))),
            );
            json!({ "response": response })
        })
        .collect();
    let mut bundle = json!({ "resourceType": "Bundle", "type": "transaction-response" });
    with_entries(&mut bundle, entries);
    bundle
}

/// A Bundle of search results; `base` (without a trailing `/`) makes the fullUrls.
pub fn searchset(resources: Vec<Value>, base: Option<&str>) -> Value {
    let total = resources.len();
    let entries = resources
        .into_iter()
        .map(|resource| {
            let mut entry = Map::new();
            let text = |name: &str| resource.get(name).and_then(Value::as_str);
            if let (Some(base), Some(kind), Some(id)) = (base, text("resourceType"), text("id")) {
                entry.insert("fullUrl".to_owned(), format!("{base}/{kind}/{id}").into());
            }
            entry.insert("resource".to_owned(), resource);
            entry.insert("search".to_owned(), json!({ "mode": "match" }));
            Value::Object(entry)
        })
        .collect();
    let mut bundle = json!({ "resourceType": "Bundle", "type": "searchset", "total": total });
    with_entries(&mut bundle, entries);
    bundle
}

/// FHIR JSON knows no empty list: a Bundle without entries has no `entry`.
fn with_entries(bundle: &mut Value, entries: Vec<Value>) {
    if let (Value::Object(map), false) = (bundle, entries.is_empty()) {
        map.insert("entry".to_owned(), entries.into());
    }
}
