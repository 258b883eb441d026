-- The mean of the rounds' weights; null where the job asks for none. Evaluations are then the mean's, and these the round's own.
alter table rounds add column average text;
alter table rounds add column raw_loss double precision;
alter table rounds add column raw_accuracy double precision;

alter table jobs add column result_adapters text;
alter table jobs add column result_raw_model text;
