-- Of a Run job `program` is its module, it has one round, and what that round committed is the folder of all results.
alter table jobs add column kind text not null default 'Train' check (kind in ('Train', 'Run'));
alter table jobs add column result_pieces text;
