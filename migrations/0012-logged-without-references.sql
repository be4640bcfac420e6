-- works with programs from: 0003
--
-- What is logged to a run refers to it no more: the statement that writes it has just read the run and holds a lock on
-- its row, and Postgres would look it up and lock it a second time for each row. What a run has logged goes with it by
-- one statement, whichever program deletes the run.

create function tabularium.delete_logged() returns trigger language plpgsql as $$
begin
  delete from tabularium.params p using gone where p.run = gone.id;
  delete from tabularium.tags t using gone where t.run = gone.id;
  delete from tabularium.latest_metrics m using gone where m.run = gone.id;
  return null;
end $$;
create trigger delete_logged after delete on tabularium.runs
  referencing old table as gone for each statement execute function tabularium.delete_logged();

alter table tabularium.params drop constraint params_run_fkey;
alter table tabularium.tags drop constraint tags_run_fkey;
alter table tabularium.latest_metrics drop constraint latest_metrics_run_fkey;
alter table tabularium.latest_metrics drop constraint latest_metrics_key_id_fkey;
