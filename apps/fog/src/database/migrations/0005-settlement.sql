-- Jobs that are paid on chain: where the user's escrow is, and how far it has come.
create table escrows (
  job text primary key references jobs (id),
  -- workchain:hex, as the next
  address text not null unique,
  user_address text not null,
  deadline_unix_s bigint not null,
  -- awaited: nothing seen on chain yet. abandoned: nothing came, and the job ended.
  state text not null check (state in ('awaited', 'funded', 'billed', 'closed', 'abandoned')),
  created_unix_ms bigint not null
);
create index escrows_of_state on escrows (state);

-- What a node earned, on its way to its wallet. The id is the transfer's query id on chain.
create table payouts (
  id bigint generated always as identity primary key,
  node text not null,
  address text not null,
  amount_nano bigint not null check (amount_nano > 0),
  -- An order that carries it may be executed until then; null: none was sent yet.
  sent_until_unix_s bigint,
  -- Logical time of the transaction that shows it; null: not seen yet.
  seen_lt bigint
);
create index payouts_on_their_way on payouts (id) where seen_lt is null;
