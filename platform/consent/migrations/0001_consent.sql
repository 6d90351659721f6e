-- Patients by their pseudonym of the consent domain. `version` counts the changes of this patient's consents;
-- a change holds the row's lock until it commits, so that a patient's changes have one order.
CREATE TABLE consent_patient (
    patient uuid PRIMARY KEY,
    -- Data key of this patient's Consents, wrapped by the service's local KEK.
    wrapped_key bytea NOT NULL,
    version bigint NOT NULL DEFAULT 0
);

-- What decisions read: the newest version of each Consent, without its text.
CREATE TABLE consent (
    id uuid PRIMARY KEY,
    patient uuid NOT NULL REFERENCES consent_patient (patient),
    kind text NOT NULL CHECK (kind IN ('opposition', 'care-relation')),
    -- HMAC token of the professional's INPE.
    professional bytea CHECK (octet_length(professional) = 32),
    active boolean NOT NULL,
    -- NULL: in force from its record on.
    starts timestamptz,
    -- NULL: without end.
    ends timestamptz,
    version integer NOT NULL CHECK (version > 0),
    CHECK ((kind = 'care-relation') = (professional IS NOT NULL)),
    CHECK (kind = 'opposition' OR NOT active OR ends IS NOT NULL)
);

CREATE INDEX consent_of_patient ON consent (patient);

-- Every version of every Consent as FHIR JSON, sealed under the patient's data key.
CREATE TABLE consent_version (
    id uuid NOT NULL REFERENCES consent (id),
    version integer NOT NULL,
    recorded timestamptz NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (id, version)
);
