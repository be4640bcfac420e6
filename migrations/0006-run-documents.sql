-- works with programs from: 0003
--
-- A run that has ended keeps its answer to "search" beside its row: a page of a hundred runs costs ten milliseconds to
-- render from five tables and one from their documents. It is null while the run goes on and after each change, and is
-- written again by the jobs of `runs_to_render`, under the lock on the run's row (docs/decisions/0008-run-documents.md).

alter table tabularium.runs add column wire json;

-- Runs whose document waits to be written, since when. Whoever takes a row here has locked the run first.
create table tabularium.runs_to_render (
  run bigint primary key references tabularium.runs on delete cascade,
  since timestamptz not null default now()
);

-- Programs from before this migration change what a run has logged without taking its document away. Those that do it
-- themselves are known by the name of their connections (src/db/pool.ts).
create function tabularium.forget_document() returns trigger language plpgsql as $$
declare
  changed constant bigint = case when tg_op = 'DELETE' then old.run else new.run end;
begin
  -- Waits for who is rendering. The statement after it sees what was rendered.
  perform from tabularium.runs where id = changed for key share;
  with forgotten as (
    update tabularium.runs set wire = null where id = changed and wire is not null returning id)
  insert into tabularium.runs_to_render (run) select id from forgotten on conflict do nothing;
  return null;
end $$;

create trigger forget_document after insert or update or delete on tabularium.params for each row
  when (left(current_setting('application_name'), 11) <> 'tabularium/') execute function tabularium.forget_document();
create trigger forget_document after insert or update or delete on tabularium.tags for each row
  when (left(current_setting('application_name'), 11) <> 'tabularium/') execute function tabularium.forget_document();
create trigger forget_document after insert or update or delete on tabularium.latest_metrics for each row
  when (left(current_setting('application_name'), 11) <> 'tabularium/') execute function tabularium.forget_document();
create trigger forget_document after insert or update or delete on tabularium.dataset_inputs for each row
  when (left(current_setting('application_name'), 11) <> 'tabularium/') execute function tabularium.forget_document();
create trigger forget_document after insert or update or delete on tabularium.model_outputs for each row
  when (left(current_setting('application_name'), 11) <> 'tabularium/') execute function tabularium.forget_document();
