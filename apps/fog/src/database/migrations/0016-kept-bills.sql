-- A bill as it goes on chain, kept from before it is sent, since the list of an escrow's receipts is that of the bill on chain. Null beside a list: written
-- before this was kept; it is written anew where the escrow is still open.
alter table escrows add column bill_nano bigint;
alter table escrows add column bill_evidence bytea;
-- Sent, perhaps; it may arrive until then, in seconds of the chain's clock.
alter table escrows add column bill_sent_until_unix_s bigint;
