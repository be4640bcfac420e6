-- works with programs from: 0003
--
-- Beside writers, statement by statement (CONTRIBUTING.md). A parameter that is short stands in its index whole, so that
-- a search for it reads no row; one that is long by its beginning, since a btree takes no more. Which of the two a search
-- may use stands in its text (src/resources/runs/conditions.ts).

drop index concurrently if exists tabularium.params_short;
create index concurrently params_short on tabularium.params (experiment_id, key, value, run)
  where octet_length(value) <= 256;
drop index concurrently if exists tabularium.params_long;
create index concurrently params_long on tabularium.params (experiment_id, key, left(value, 256), run)
  where octet_length(value) > 256;
drop index concurrently if exists tabularium.params_value;
