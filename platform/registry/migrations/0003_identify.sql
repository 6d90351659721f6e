-- Back from a pseudonym of the audit domain to its patient, for a group that must tell her of an incident: HMAC of the pseudonym under the
-- registry's own index key, so that a copy of the table still joins with no other database. The service fills it in beside its work, for
-- what was there before and for what is new.
ALTER TABLE patient_pseudonym ADD COLUMN token bytea CHECK (octet_length(token) = 32);

CREATE UNIQUE INDEX patient_of_pseudonym ON patient_pseudonym (token) WHERE token IS NOT NULL;

CREATE INDEX patient_pseudonym_not_indexed ON patient_pseudonym (patient) WHERE domain = 'audit' AND token IS NULL;
