-- Double entry. Money moves by transfers, whose entries sum to zero; what is written is neither changed nor removed.
-- owner/ID pays for jobs, escrow/JOB holds a job's budget, provider/ID and fog/ID earn, world/… is what lies outside these books.
create table accounts (
  id text primary key,
  balance_nano bigint not null default 0,
  -- What was not there cannot be spent; an owner may owe where the station gives credit, and the world's side mirrors ours.
  check (balance_nano >= 0 or id like 'owner/%' or id like 'world/%')
);

create table transfers (
  id bigint generated always as identity primary key,
  -- One cause, one transfer, however often it is written.
  key text not null unique,
  kind text not null check (kind in ('fund', 'escrow', 'pay', 'refund', 'reward', 'payout')),
  job text references jobs (id),
  at_unix_ms bigint not null
);
create index transfers_of_job on transfers (job);

create table entries (
  transfer bigint not null references transfers (id),
  account text not null references accounts (id),
  amount_nano bigint not null check (amount_nano <> 0),
  primary key (transfer, account)
);
create index entries_of_account on entries (account, transfer);

create function books_move_balance() returns trigger language plpgsql as $$
begin
  update accounts set balance_nano = balance_nano + new.amount_nano where id = new.account;
  return null;
end $$;
create trigger entries_move_balance after insert on entries
  for each row execute function books_move_balance();

create function books_check_transfer() returns trigger language plpgsql as $$
declare
  checked bigint;
  balance numeric;
  lines integer;
begin
  if tg_table_name = 'transfers' then checked := new.id; else checked := new.transfer; end if;
  select coalesce(sum(amount_nano), 0), count(*) into balance, lines from entries where transfer = checked;
  if balance <> 0 or lines < 2 then
    raise exception 'transfer % has % entries that sum to %', checked, lines, balance using errcode = 'check_violation';
  end if;
  return null;
end $$;
-- At the end of the transaction, when all of its entries stand.
create constraint trigger transfers_are_balanced after insert on transfers
  deferrable initially deferred for each row execute function books_check_transfer();
create constraint trigger entries_are_balanced after insert on entries
  deferrable initially deferred for each row execute function books_check_transfer();

create function books_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the books are append-only' using errcode = 'restrict_violation';
end $$;
create trigger transfers_stay before update or delete or truncate on transfers
  for each statement execute function books_refuse_change();
create trigger entries_stay before update or delete or truncate on entries
  for each statement execute function books_refuse_change();

-- false where this key was written before. Accounts in order, so that two transfers never wait for each other.
create function post_transfer(
  key_ text, kind_ text, job_ text, at_ bigint, accounts_ text[], amounts_ bigint[]
) returns boolean language plpgsql as $$
declare
  made bigint;
begin
  insert into transfers (key, kind, job, at_unix_ms) values (key_, kind_, job_, at_)
    on conflict (key) do nothing returning id into made;
  if made is null then return false; end if;
  insert into accounts (id) select distinct a from unnest(accounts_) as a order by a on conflict do nothing;
  insert into entries (transfer, account, amount_nano)
    select made, a, sum(n) from unnest(accounts_, amounts_) as t (a, n) group by a having sum(n) <> 0 order by a;
  return true;
end $$;

-- As the owner signed it; null for jobs from before there were books, whose work is not paid.
alter table jobs add column budget_nano bigint;
