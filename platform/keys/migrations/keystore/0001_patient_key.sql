-- One data key per patient of the group, wrapped by the group's transit key `kek`. The pseudonym is the group's own.
CREATE TABLE patient_key (
    id      uuid PRIMARY KEY,
    patient uuid NOT NULL UNIQUE,
    wrapped text NOT NULL,
    created timestamptz NOT NULL DEFAULT now()
);
