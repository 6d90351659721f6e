//! Identifier and code systems of the platform, and those of others that it understands.
//!
//! No Moroccan FHIR guide or NamingSystem is known: these URIs are the project's own, and permanent.

/// INPE of a professional or an establishment.
pub const INPE: &str = "https://dmp.ma/sid/inpe";
/// Number of the national identity card.
pub const CNIE: &str = "https://dmp.ma/sid/cnie";
/// Identifiant digital civil et social (RNP, loi 72-18).
pub const IDCS: &str = "https://dmp.ma/sid/idcs";
/// Numéro d'immatriculation CNSS.
pub const CNSS: &str = "https://dmp.ma/sid/cnss";
/// Passport.
pub const PASSPORT: &str = "https://dmp.ma/sid/passport";
/// Professions: the codes of `policies/access/schema.cedarschema`.
pub const PROFESSION: &str = "https://dmp.ma/fhir/CodeSystem/profession";
/// Codes of `OperationOutcome.issue.details`.
pub const ERROR: &str = "https://dmp.ma/fhir/CodeSystem/error";

pub const LOINC: &str = "http://loinc.org";
/// RFC 3986: identifiers that are URIs or OIDs themselves.
pub const URI: &str = "urn:ietf:rfc:3986";
/// HL7 v3 PurposeOfUse.
pub const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
pub const CONSENT_SCOPE: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
