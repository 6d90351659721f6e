//! One method per route that the gateway calls (`docs/interfaces.md`, "Who calls what").

use axum::body::Bytes;
use dmp_client::{audit, consent, est, records, registry};
use dmp_conformance::wire::{AfterRequest, BeforeAnswer, BeforeRequest, WatchAnswer, WatchRequest};
use dmp_core::ids::{GroupName, Identifier, PatientId};
use serde::Serialize;
use serde_json::Value;

use super::{Call, Target, Upstream};
use crate::failure::Failure;

/// Documents and submissions may take this many times as long as other calls.
const LARGE: u32 = 6;

impl Upstream {
    /// ITI-104.
    ///
    /// # Errors
    /// [`Failure`], as every method here.
    pub async fn feed(
        &self,
        call: &Call<'_>,
        identifier: Identifier,
        patient: Value,
    ) -> Result<registry::FeedAnswer, Failure> {
        let request = registry::FeedRequest { identifier, patient };
        self.json(&self.registry, "/v1/patients/feed", call, &request)
            .await
    }

    /// ITI-78 by identifier.
    pub async fn search_patients(
        &self,
        call: &Call<'_>,
        identifier: Identifier,
    ) -> Result<Vec<Value>, Failure> {
        let request = registry::SearchRequest { identifier };
        let answer: registry::SearchAnswer = self
            .json(&self.registry, "/v1/patients/search", call, &request)
            .await?;
        Ok(answer.patients)
    }

    /// The patient of an identifier, without telling anybody.
    pub async fn by_identifier(
        &self,
        call: &Call<'_>,
        identifier: Identifier,
    ) -> Result<Option<PatientId>, Failure> {
        let request = registry::ByIdentifierRequest {
            identifier,
            realm: call.realm.map(str::to_owned),
        };
        let answer: registry::ByIdentifierAnswer = self
            .json(&self.registry, "/v1/patients/by-identifier", call, &request)
            .await?;
        Ok(answer.patient)
    }

    /// The groups that hold something of the patient.
    pub async fn locate(&self, call: &Call<'_>, patient: PatientId) -> Result<Vec<GroupName>, Failure> {
        let request = registry::LocatorRequest {
            patient,
            realm: call.realm.map(str::to_owned),
        };
        let answer: registry::LocatorAnswer =
            self.json(&self.registry, "/v1/locator", call, &request).await?;
        Ok(answer.groups)
    }

    /// mCSD: a directory source's bundle.
    pub async fn directory(
        &self,
        call: &Call<'_>,
        bundle: Value,
    ) -> Result<registry::DirectoryAnswer, Failure> {
        self.json(
            &self.registry,
            "/v1/directory",
            call,
            &registry::DirectoryRequest { bundle },
        )
        .await
    }

    /// Whether the professional is active at the establishment.
    pub async fn confirm(
        &self,
        call: &Call<'_>,
        inpe: String,
        establishment: String,
    ) -> Result<registry::ConfirmAnswer, Failure> {
        let request = registry::ConfirmRequest {
            inpe,
            establishment,
            realm: call.realm.map(str::to_owned),
        };
        self.json(&self.registry, "/v1/directory/confirm", call, &request)
            .await
    }

    /// A new Consent; the answer is the acknowledgement.
    pub async fn record_consent(
        &self,
        call: &Call<'_>,
        patient: PatientId,
        consent: Value,
    ) -> Result<Value, Failure> {
        let request = consent::RecordRequest { patient, consent };
        let answer: consent::RecordAnswer = self.json(&self.consent, "/v1/consents", call, &request).await?;
        Ok(answer.consent)
    }

    /// A changed Consent.
    pub async fn update_consent(
        &self,
        call: &Call<'_>,
        patient: PatientId,
        id: String,
        consent: Value,
    ) -> Result<Value, Failure> {
        let request = consent::UpdateRequest { patient, id, consent };
        let answer: consent::RecordAnswer = self
            .json(&self.consent, "/v1/consents/update", call, &request)
            .await?;
        Ok(answer.consent)
    }

    /// The patient's Consents.
    pub async fn search_consents(&self, call: &Call<'_>, patient: PatientId) -> Result<Vec<Value>, Failure> {
        let request = consent::SearchRequest { patient };
        let answer: consent::SearchAnswer = self
            .json(&self.consent, "/v1/consents/search", call, &request)
            .await?;
        Ok(answer.consents)
    }

    /// The patient's trail, bytes as the audit service wrote them ([`audit::TrailAnswer`]).
    pub async fn trail(&self, call: &Call<'_>, patient: PatientId) -> Result<Bytes, Failure> {
        let body = super::written(&audit::TrailRequest { patient })?;
        self.bytes(&self.audit, "/v1/trail", call, body, self.timeout)
            .await
    }

    /// The watched credentials, when they are others than those the request names, or after a while.
    pub async fn watched(&self, call: &Call<'_>, request: &WatchRequest) -> Result<WatchAnswer, Failure> {
        self.json(&self.portal, "/v1/watch", call, request).await
    }

    /// A watched credential asks for something.
    pub async fn before(&self, call: &Call<'_>, request: &BeforeRequest) -> Result<BeforeAnswer, Failure> {
        self.json(&self.portal, "/v1/watch/before", call, request).await
    }

    /// It was answered.
    pub async fn after(&self, call: &Call<'_>, request: &AfterRequest) -> Result<(), Failure> {
        self.json(&self.portal, "/v1/watch/after", call, request).await
    }

    /// EST: the software's next certificate, once the operator has judged its request.
    pub async fn reenroll(
        &self,
        call: &Call<'_>,
        request: &est::ReenrollRequest,
    ) -> Result<est::ReenrollAnswer, Failure> {
        let body = super::written(request)?;
        let bytes = self
            .bytes(&self.portal, "/v1/est/reenroll", call, body, self.timeout * LARGE)
            .await?;
        serde_json::from_slice(&bytes).map_err(|error| super::answer::not_understood(&self.portal, &error))
    }

    /// A call to the conformance suite; the bytes as the portal wrote them.
    pub async fn suite(&self, call: &Call<'_>, path: &str, asked: &impl Serialize) -> Result<Bytes, Failure> {
        let body = super::written(asked)?;
        self.bytes(&self.portal, path, call, body, self.timeout * LARGE)
            .await
    }

    /// ITI-65. The Bundle goes on exactly as it was sent: its text is placed into the request.
    pub async fn submit(
        &self,
        records: &Target,
        call: &Call<'_>,
        patient: PatientId,
        bundle: Bytes,
    ) -> Result<records::SubmissionAnswer, Failure> {
        let head = Bytes::from(format!("{{\"patient\":\"{}\",\"bundle\":", patient.as_uuid()));
        let parts = [head, bundle, Bytes::from_static(b"}")].map(Ok::<_, std::convert::Infallible>);
        let body = reqwest::Body::wrap_stream(futures::stream::iter(parts));
        let bytes = self
            .bytes(records, "/v1/submissions", call, body, self.timeout * LARGE)
            .await?;
        serde_json::from_slice(&bytes).map_err(|error| super::answer::not_understood(records, &error))
    }

    /// ITI-67 in one group.
    pub async fn search_documents(
        &self,
        records: &Target,
        call: &Call<'_>,
        request: &records::DocumentSearchRequest,
    ) -> Result<Vec<Value>, Failure> {
        let answer: records::DocumentSearchAnswer =
            self.json(records, "/v1/documents/search", call, request).await?;
        Ok(answer.documents)
    }

    /// ITI-68: the document itself, still to be read.
    pub async fn retrieve(
        &self,
        records: &Target,
        call: &Call<'_>,
        binary: String,
    ) -> Result<reqwest::Response, Failure> {
        let body = super::written(&records::RetrieveRequest { binary })?;
        self.send(
            records,
            "/v1/documents/retrieve",
            call,
            body,
            self.timeout * LARGE,
        )
        .await
    }
}
