-- Acts that are in the service's own log: which words a caller has given which id, so that the same again is the same entry. Both are HMACs
-- under the service's index key: who did what is in the sealed body alone.
create table act (
    id bytea primary key check (octet_length(id) = 32),
    words bytea not null check (octet_length(words) = 32),
    leaf text not null
);
