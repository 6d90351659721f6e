-- A realm is the population of one sandbox: its people and its directory are seen by its software alone. What was here
-- before is the nation's: NULL, and '' where it is part of a key. While the version before this one still runs, it cannot
-- take in a directory bundle (no unique index on `inpe` alone is left for it); everything else it does goes on.
ALTER TABLE patient ADD COLUMN realm text CHECK (realm <> '');

ALTER TABLE practitioner_role
    DROP CONSTRAINT practitioner_role_practitioner_fkey,
    DROP CONSTRAINT practitioner_role_organization_fkey,
    DROP CONSTRAINT practitioner_role_pkey,
    ADD COLUMN realm text NOT NULL DEFAULT '';

ALTER TABLE organization
    DROP CONSTRAINT organization_pkey,
    ADD COLUMN realm text NOT NULL DEFAULT '',
    ADD PRIMARY KEY (realm, inpe);

ALTER TABLE practitioner
    DROP CONSTRAINT practitioner_pkey,
    ADD COLUMN realm text NOT NULL DEFAULT '',
    ADD PRIMARY KEY (realm, inpe);

ALTER TABLE practitioner_role
    ADD PRIMARY KEY (realm, practitioner, organization),
    ADD FOREIGN KEY (realm, practitioner) REFERENCES practitioner (realm, inpe),
    ADD FOREIGN KEY (realm, organization) REFERENCES organization (realm, inpe);
