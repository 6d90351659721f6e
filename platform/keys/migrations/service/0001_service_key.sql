-- Keys that a service holds in memory while it runs: stored only as wrapped by OpenBao transit.
CREATE TABLE dmp_service_key (
    name    text    NOT NULL,
    epoch   integer NOT NULL,
    wrapped text    NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, epoch)
);
