-- What this station found when it did the work again, as a dag-cbor block that others check; null: found before such blocks were kept, and nothing
-- was taken back for it.
alter table refutations add column verdict bytea;

-- owes/ID: what a provider was paid for work that was refuted, and no longer had. Below zero by that.
alter table accounts drop constraint accounts_check;
alter table accounts add constraint accounts_check check (
  case when id like 'owes/%' then balance_nano <= 0
    else balance_nano >= 0 or id like 'owner/%' or id like 'world/%' end
);

alter table transfers drop constraint transfers_kind_check;
alter table transfers add constraint transfers_kind_check
  check (kind in ('fund', 'escrow', 'pay', 'refund', 'reward', 'payout', 'claim', 'takeback', 'setoff'));

-- The job for whose refuted work its user is paid back, where its escrow had paid for it; null: a provider's earnings.
alter table payouts add column job text references jobs (id);
create index payouts_of_job on payouts (job) where job is not null;
