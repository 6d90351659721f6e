-- One log per database. Every table begins with tlog_; a service's own tables live beside them.

-- What has been integrated so far: the tree's size and root, before anybody has signed it.
create table tlog_tree (
    only_row boolean primary key default true check (only_row),
    origin text not null,
    size bigint not null check (size >= 0),
    root bytea not null check (octet_length(root) = 32),
    changed_at timestamptz not null default now()
);

-- Data keys of the encrypted bodies, as OpenBao wrapped them; one per start of a service.
create table tlog_key (
    id bigint generated always as identity primary key,
    wrapped text not null,
    created_at timestamptz not null default now()
);

-- Entries that are durable and wait for their index. The order of seq is not the order of commits; it needs not be.
-- `key` names a row of tlog_key, written before the first append and never removed; a foreign key would only cost.
create table tlog_pending (
    seq bigint generated always as identity primary key,
    leaf text not null,
    body bytea not null,
    key bigint not null,
    created_at timestamptz not null default now()
);

create table tlog_entry (
    idx bigint primary key check (idx >= 0),
    leaf text not null,
    body bytea not null,
    key bigint not null
);

-- C2SP tlog-tiles, height 8: `hashes` holds up to 256 hashes of tree level 8 × level; a full tile never changes.
create table tlog_tile (
    level smallint not null,
    number bigint not null,
    hashes bytea not null check (octet_length(hashes) between 32 and 8192 and octet_length(hashes) % 32 = 0),
    primary key (level, number)
);

-- Signed checkpoints (C2SP signed-note text).
create table tlog_checkpoint (
    size bigint primary key,
    root bytea not null check (octet_length(root) = 32),
    note text not null,
    created_at timestamptz not null default now()
);
create index tlog_checkpoint_created_at on tlog_checkpoint (created_at);

-- A guard against accidents, not against the owner of the database: fsck and the audit service find the rest.
create function tlog_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the log is append-only';
end
$$;
create trigger tlog_entry_append_only before update or delete or truncate on tlog_entry
    for each statement execute function tlog_append_only();
