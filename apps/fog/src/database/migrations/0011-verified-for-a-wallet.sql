-- The wallet that a piece of work is verified for: the node may be linked to another by the time the certificate is issued.
alter table verifications add column address text;
update verifications set address = wallets.address from wallets where wallets.node = verifications.node;
alter table verifications alter column address set not null;
create index verifications_of_address on verifications (address);
