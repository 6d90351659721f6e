-- A patient: random id (public), the newest version of the Patient resource sealed under the patient's own data key,
-- which is wrapped by the registry's local KEK.
CREATE TABLE patient (
    id uuid PRIMARY KEY,
    wrapped_key bytea NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    updated timestamptz NOT NULL,
    sealed bytea NOT NULL
);

-- Earlier versions.
CREATE TABLE patient_history (
    patient uuid NOT NULL REFERENCES patient (id),
    version integer NOT NULL,
    updated timestamptz NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (patient, version)
);

-- HMAC token of system and value. One identifier is one patient, whoever races: this key decides.
CREATE TABLE patient_identifier (
    token bytea PRIMARY KEY CHECK (octet_length(token) = 32),
    patient uuid NOT NULL REFERENCES patient (id)
);

CREATE INDEX patient_identifier_of_patient ON patient_identifier (patient);

-- The patient's random pseudonym in a domain (`audit`, `consent`, `group:<group>`), sealed under the patient's key:
-- a copy of this table joins with no other database.
CREATE TABLE patient_pseudonym (
    patient uuid NOT NULL REFERENCES patient (id),
    domain text NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (patient, domain)
);

-- Record locator: the groups that hold something of a patient.
CREATE TABLE patient_group (
    patient uuid NOT NULL REFERENCES patient (id),
    health_group text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (patient, health_group)
);

-- The directory is public data.
CREATE TABLE organization (
    inpe text PRIMARY KEY,
    active boolean NOT NULL,
    name text,
    -- FHIR JSON as published.
    resource json NOT NULL,
    updated timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE practitioner (
    inpe text PRIMARY KEY,
    active boolean NOT NULL,
    display text,
    resource json NOT NULL,
    updated timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE practitioner_role (
    practitioner text NOT NULL REFERENCES practitioner (inpe),
    organization text NOT NULL REFERENCES organization (inpe),
    profession text NOT NULL,
    active boolean NOT NULL,
    resource json NOT NULL,
    updated timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (practitioner, organization)
);
