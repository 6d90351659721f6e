-- The national copy of every log, verified as it was pulled.

-- One row per log. `size`, `root` and `note` are those of the newest checkpoint whose tree was derived here from the
-- pulled leaves; entries below `indexed` have been looked at for the patient's trail.
create table source (
    origin text primary key,
    size bigint not null default 0 check (size >= 0),
    root bytea not null check (octet_length(root) = 32),
    note text,
    indexed bigint not null default 0 check (indexed >= 0 and indexed <= size),
    verified_at timestamptz
);

create table source_key (
    origin text not null references source,
    id bigint not null,
    wrapped text not null,
    primary key (origin, id)
);

create table source_entry (
    origin text not null,
    idx bigint not null check (idx >= 0),
    leaf text not null,
    body bytea not null,
    key bigint not null,
    primary key (origin, idx)
);

-- C2SP tlog-tiles, height 8, as in dmp-tlog.
create table source_tile (
    origin text not null,
    level smallint not null,
    number bigint not null,
    hashes bytea not null check (octet_length(hashes) between 32 and 8192 and octet_length(hashes) % 32 = 0),
    primary key (origin, level, number)
);

-- Which entries speak of which patient: HMAC of the audit pseudonym under a key kept wrapped.
create table trail_index (
    token bytea not null check (octet_length(token) = 32),
    origin text not null,
    idx bigint not null,
    primary key (token, origin, idx)
);

-- What does not verify, with its evidence. One row per kind and state of our copy.
create table finding (
    id bigint generated always as identity primary key,
    found_at timestamptz not null default now(),
    origin text not null,
    kind text not null,
    -- Our copy's size when it was found; for an entry that cannot be read, its index.
    position bigint not null,
    -- The checkpoint we hold and the one we were shown: two notes signed by one key prove a fork.
    held text,
    shown text,
    unique (origin, kind, position)
);
