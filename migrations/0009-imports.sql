-- works with programs from: 0003
--
-- What `tabularium import` has copied from where, so that an import that was ended goes on where it was. The
-- transaction that writes a batch moves the place as well.

create table tabularium.imports (
  source text collate "C" primary key,
  -- The kind of record that is being copied, and the place in the source behind its last one; null before the first.
  kind text collate "C",
  place text collate "C",
  -- How many records of each kind there were here before.
  before json not null,
  started_at timestamptz not null default now(),
  finished_at timestamptz
);
