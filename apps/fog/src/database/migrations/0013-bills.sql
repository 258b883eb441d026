-- The file of receipts that a job's bill stands for: written before the bill is on chain.
alter table escrows add column bill text;
