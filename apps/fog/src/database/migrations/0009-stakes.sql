-- Whether a provider is registered on chain with enough at stake: what the chain said last, for when it does not answer.
create table stakes (
  node text primary key,
  is_valid boolean not null,
  checked_unix_ms bigint not null
);
