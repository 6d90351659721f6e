//! dmp-fhir
