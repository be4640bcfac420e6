-- works with programs from: 0003
--
-- Beside writers, statement by statement (CONTRIBUTING.md). Few runs of many are running at a time; the condition stands
-- in the text of a search for them (src/resources/runs/conditions.ts).

drop index concurrently if exists tabularium.runs_running;
create index concurrently runs_running on tabularium.runs (experiment_id, lifecycle_stage, start_time desc, run_id)
  where status = 'RUNNING';

-- The documents of the runs that ended before there were any.
insert into tabularium.runs_to_render (run, since) select id, '-infinity' from tabularium.runs
where wire is null and status in ('FINISHED', 'FAILED', 'KILLED') on conflict do nothing;
