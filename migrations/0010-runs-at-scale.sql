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

-- A page is a hundred rows behind an index: to start processes that help reading them takes longer than to read them.
alter table tabularium.runs set (parallel_workers = 0);
alter table tabularium.params set (parallel_workers = 0);
alter table tabularium.tags set (parallel_workers = 0);
alter table tabularium.latest_metrics set (parallel_workers = 0);
alter table tabularium.metrics set (parallel_workers = 0);
