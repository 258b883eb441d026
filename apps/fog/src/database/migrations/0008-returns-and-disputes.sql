-- How a payout ended: in its wallet, or back in the station's.
alter table payouts
  -- Logical time of the transaction that shows how it ended; null: not seen yet.
  add column end_lt bigint,
  -- By the chain's clock, when it was seen to have come back; null: it arrived.
  add column returned_unix_s bigint;
create index payouts_not_ended on payouts (id) where seen_lt is not null and end_lt is null;

-- A user may object to a bill; the quorum decides.
alter table escrows drop constraint escrows_state_check;
alter table escrows add constraint escrows_state_check
  check (state in ('awaited', 'funded', 'billed', 'disputed', 'closed', 'abandoned'));
