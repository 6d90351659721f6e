-- Records of one health group. In clear stand only random ids, the group's own pseudonym of the patient, times,
-- status, sizes and HMAC tokens; everything that says something is sealed under the patient's data key.

-- Which patient of the registry a pseudonym is: sealed, needed when a document is asked for by its id.
CREATE TABLE patient_link (
    patient uuid PRIMARY KEY,
    sealed  bytea NOT NULL,
    created timestamptz NOT NULL DEFAULT now()
);

-- One SubmissionSet (ITI-65). `token`: HMAC of sender and uniqueId; `content`: HMAC of the canonical content.
CREATE TABLE submission (
    id       uuid PRIMARY KEY,
    patient  uuid  NOT NULL,
    token    bytea NOT NULL UNIQUE,
    content  bytea NOT NULL,
    sealed   bytea NOT NULL,
    response bytea NOT NULL,
    created  timestamptz NOT NULL
);
CREATE INDEX submission_patient ON submission (patient);

-- A document's own identifier names one content within a patient's record. `token`: HMAC of masterIdentifier.
CREATE TABLE document_identifier (
    patient uuid  NOT NULL,
    token   bytea NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (patient, token)
);

CREATE TABLE document (
    id         uuid PRIMARY KEY,
    patient    uuid NOT NULL,
    submission uuid NOT NULL REFERENCES submission (id),
    status     text NOT NULL CHECK (status IN ('current', 'superseded', 'entered-in-error')),
    version    integer NOT NULL,
    identifier bytea,
    sealed     bytea NOT NULL,
    created    timestamptz NOT NULL,
    updated    timestamptz NOT NULL
);
CREATE INDEX document_patient ON document (patient, created);
CREATE INDEX document_identifier_token ON document (patient, identifier) WHERE identifier IS NOT NULL;
CREATE INDEX document_submission ON document (submission);

-- Folders (List with code `folder`).
CREATE TABLE folder (
    id         uuid PRIMARY KEY,
    patient    uuid NOT NULL,
    submission uuid NOT NULL REFERENCES submission (id),
    sealed     bytea NOT NULL,
    created    timestamptz NOT NULL
);
CREATE INDEX folder_submission ON folder (submission);

-- The bytes of a document. Up to 1 MiB one sealed piece, longer ones as sealed pieces of 1 MiB each.
CREATE TABLE content (
    id       uuid PRIMARY KEY,
    document uuid NOT NULL UNIQUE REFERENCES document (id),
    size     bigint  NOT NULL,
    chunks   integer NOT NULL
);
CREATE TABLE content_chunk (
    content uuid    NOT NULL REFERENCES content (id),
    number  integer NOT NULL,
    sealed  bytea   NOT NULL,
    PRIMARY KEY (content, number)
);
ALTER TABLE content_chunk ALTER COLUMN sealed SET STORAGE EXTERNAL;
