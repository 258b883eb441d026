create table jobs (
  id text primary key,
  ordinal bigint generated always as identity unique,
  owner text not null,
  name text not null,
  -- canonical SignedJob
  envelope bytea not null,
  state text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'stopped')),
  reason text,
  program text not null,
  -- dag-cbor block: the evaluation graph as a StoredProgram; null without test data
  evaluation_program text,
  rounds integer not null,
  round integer not null default 0,
  steps bigint not null default 0,
  "rows" bigint not null default 0,
  loss double precision,
  evaluated_round integer,
  evaluated_loss double precision,
  evaluated_accuracy double precision,
  bytes_up bigint not null default 0,
  bytes_down bigint not null default 0,
  training_began_unix_ms bigint,
  training_ms bigint not null default 0,
  created_unix_ms bigint not null,
  finished_unix_ms bigint,
  result_model text,
  result_metrics text,
  result_provenance text
);
create index jobs_unfinished on jobs (ordinal) where finished_unix_ms is null;

-- One row per committed version of the weights; version 0 is the start.
create table rounds (
  job text not null references jobs (id),
  version integer not null,
  weights text not null,
  -- null at version 0: no momentum yet
  momentum text,
  units integer not null,
  steps bigint not null,
  "rows" bigint not null,
  loss double precision,
  evaluated_loss double precision,
  evaluated_accuracy double precision,
  committed_unix_ms bigint not null,
  primary key (job, version)
);

create table units (
  job text not null references jobs (id),
  round integer not null,
  index integer not null,
  -- canonical TrainUnit
  unit bytea not null,
  primary key (job, round, index)
);

create table leases (
  id text primary key,
  job text not null,
  round integer not null,
  index integer not null,
  attempt integer not null,
  provider text not null,
  state text not null check (state in ('live', 'delivered', 'lost', 'faulted')),
  issued_unix_ms bigint not null,
  foreign key (job, round, index) references units (job, round, index)
);
create index leases_of_round on leases (job, round);

-- Every receipt that was acknowledged, also those that came too late to count.
create table results (
  lease text primary key references leases (id),
  job text not null,
  round integer not null,
  index integer not null,
  provider text not null,
  -- canonical Signed<Receipt>
  receipt bytea not null,
  receipt_cid text not null,
  update_cid text not null,
  counted boolean not null,
  steps integer not null,
  "rows" bigint not null,
  loss double precision not null,
  received_unix_ms bigint not null
);
create unique index results_counted on results (job, round, index) where counted;

create table events (
  job text not null references jobs (id),
  sequence integer not null,
  at_unix_ms bigint not null,
  event jsonb not null,
  primary key (job, sequence)
);

create table providers (
  id text primary key,
  offer jsonb not null,
  last_seen_unix_ms bigint not null,
  units_counted bigint not null default 0
);
