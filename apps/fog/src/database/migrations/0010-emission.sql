-- Epochs in which the emission gave something, and the file that says to whom, for which work.
create table epochs (
  epoch integer primary key,
  document text not null,
  closed_unix_ms bigint not null
);

-- A job counts in one epoch.
create table epoch_jobs (
  job text primary key references jobs (id),
  epoch integer not null references epochs (epoch)
);
create index epoch_jobs_of_epoch on epoch_jobs (epoch);

-- What is posted on chain, where the epoch gave anything from that pool.
create table epoch_roots (
  epoch integer not null references epochs (epoch),
  pool text not null check (pool in ('compute', 'fog')),
  -- 64 hexadecimal digits
  root text not null,
  -- All in all, since the first.
  total_nano bigint not null,
  -- The chain has shown it, waiting or in force.
  is_seen boolean not null default false,
  primary key (epoch, pool)
);

-- Up to where the transactions of a pool's PINGO wallet are in the books.
create table claim_cursors (
  pool text primary key check (pool in ('compute', 'fog')),
  lt bigint not null
);

alter table transfers drop constraint transfers_kind_check;
alter table transfers add constraint transfers_kind_check
  check (kind in ('fund', 'escrow', 'pay', 'refund', 'reward', 'payout', 'claim'));
