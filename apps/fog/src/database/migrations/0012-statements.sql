-- Where the stake stands that answers for the lease's result; null: its lease asked for no statement.
alter table leases add column registry jsonb;

-- What provider keys signed of results. More than one commitment for a lease is proof against the signer.
create table statements (
  lease text not null,
  commitment bytea not null,
  receipt_cid text not null,
  statement bytea not null,
  received_unix_ms bigint not null,
  primary key (lease, commitment)
);

-- Results that did not come out again when this station did the work.
create table refutations (
  lease text primary key,
  deviation double precision not null,
  at_unix_ms bigint not null
);
