-- Whose wallet a node works for: both signed it.
create table wallets (
  node text primary key,
  -- workchain:hex
  address text not null,
  -- canonical WalletLink
  link bytea not null,
  stated_unix_ms bigint not null
);
create index wallets_of_address on wallets (address);

-- What the chain said of a wallet's certificate when it was last asked.
create table certificates (
  address text primary key,
  -- 0: none was issued, or it was revoked
  valid_until_unix_s bigint not null,
  checked_unix_ms bigint not null,
  -- when this station last had it issued; the chain may not show it yet
  issued_unix_ms bigint
);

-- Work that was done again before it counts for a certificate.
create table verifications (
  lease text primary key references results (lease),
  node text not null,
  verdict text not null check (verdict in ('same', 'other', 'failed')),
  -- ‖theirs - ours‖ / ‖ours‖; null where it could not be done again
  deviation double precision,
  at_unix_ms bigint not null
);
create index verifications_of_node on verifications (node);
