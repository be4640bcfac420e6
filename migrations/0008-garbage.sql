-- works with programs from: 0003
--
-- Places of artifacts whose run or logged model `tabularium gc` has deleted, until their bytes are gone as well.

create table tabularium.garbage (
  id bigint generated always as identity primary key,
  noted_at timestamptz not null default clock_timestamp(),
  kind text collate "C" not null check (kind in ('run', 'logged-model')),
  -- Its id on the wire.
  name text collate "C" not null,
  location text collate "C" not null,
  -- The run itself, or the run that made the logged model.
  run_id text collate "C" not null
);
