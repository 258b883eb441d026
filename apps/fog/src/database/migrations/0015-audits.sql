-- By this a piece of work is drawn, to be done again: from 0 to 1; null: it came before there were draws.
alter table results add column draw double precision;
create index results_of_provider on results (provider, received_unix_ms) where counted;

-- Drawn work that was done again.
create table audits (
  lease text primary key references results (lease),
  node text not null,
  verdict text not null check (verdict in ('same', 'other', 'failed')),
  at_unix_ms bigint not null
);
create index audits_of_node on audits (node);
