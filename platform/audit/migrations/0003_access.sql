-- Whose records were opened, searched or written to by whom: one row per access that a group's log tells of. All tokens are HMACs under the
-- service's index key; those of software, version, person and establishment are of one log alone, so that no two groups' rows can be joined by
-- them. Time and kind are in clear in the leaf already.
create table access_index (
    origin text not null,
    idx bigint not null check (idx >= 0),
    -- Milliseconds since 1970.
    at bigint not null,
    kind text not null check (kind in ('read', 'search', 'write')),
    patient bytea not null check (octet_length(patient) = 32),
    software bytea not null check (octet_length(software) = 32),
    version bytea not null check (octet_length(version) = 32),
    person bytea not null check (octet_length(person) = 32),
    establishment bytea check (octet_length(establishment) = 32),
    primary key (origin, idx)
);

create index access_of_software on access_index (software, at);
create index access_of_person on access_index (person, at);

-- Entries below `accessed` are in `access_index`. It lags behind `indexed` where entries were copied by a release without it; the service
-- makes that up beside its work.
alter table source add column accessed bigint not null default 0 check (accessed >= 0 and accessed <= size);
