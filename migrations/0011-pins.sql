-- works with programs from: 0003
--
-- What a registered version points to is copied, so that it cannot change any more (docs/decisions/0010-pins.md).

-- Which files a copy has, with the SHA-256 of each, by the SHA-256 of that list (src/contract/manifest.ts).
create table tabularium.manifests (
  address text collate "C" primary key,
  manifest json not null,
  files integer not null,
  bytes bigint not null
);

-- The copies, and at the same time the work that makes them: whoever may take it up from `due_at` on moves that into the
-- future, again and again while it works, and takes the number of its attempt for its name.
create table tabularium.pins (
  id text collate "C" primary key,
  -- The URI of the store's root, as the version's own location spells it: with its slash at the end.
  base text collate "C" not null,
  -- The store, however it is spelled.
  root text collate "C" not null,
  -- Path in the store of what is copied.
  source text collate "C" not null,
  state text collate "C" not null default 'copying' check (state in ('copying', 'pinned', 'failed')),
  -- Path in the store of the copy, once it is whole.
  location text collate "C",
  -- Null until all is hashed.
  address text collate "C" references tabularium.manifests,
  -- Another copy of the same files, which versions use in place of this one.
  same_as text collate "C" references tabularium.pins,
  attempt integer not null default 0,
  -- Null when nothing is left to do.
  due_at timestamptz default now(),
  -- Why the last attempt failed.
  reason text,
  -- Since when no version points here, as far as a sweep has seen.
  unused_since timestamptz
);
create index pins_due on tabularium.pins (due_at) where due_at is not null;
create index pins_address on tabularium.pins (root, address) where address is not null;
create index pins_of_manifest on tabularium.pins (address) where address is not null;
create index pins_same on tabularium.pins (same_as) where same_as is not null;

alter table tabularium.model_versions add column pin text collate "C" references tabularium.pins;
create index model_versions_pin on tabularium.model_versions (pin) where pin is not null;
create index model_versions_pending on tabularium.model_versions (pin)
  where pin is not null and status = 'PENDING_REGISTRATION';

-- The place of a copy may have a longer name than what was copied.
alter table tabularium.model_versions alter column storage_location type varchar(1000);

-- Programs from before this migration copy a version's location without its pin.
create function tabularium.copy_pin() returns trigger language plpgsql as $$
begin
  select v.pin into new.pin from tabularium.model_versions v
  where v.pin = substring(new.storage_location from '/\.tabularium/pinned/([0-9a-f]{32})/')
    and v.storage_location = new.storage_location limit 1;
  return new;
end $$;
create trigger copy_pin before insert on tabularium.model_versions for each row
  when (new.pin is null and new.storage_location like '%/.tabularium/pinned/%') execute function tabularium.copy_pin();

-- The SHA-256 of files that came through this server, for as long as they are likely to be registered.
create table tabularium.upload_hashes (
  root text collate "C" not null,
  path text collate "C" not null,
  -- By what the store knew the file when it was there: it counts only while that is so.
  etag text collate "C" not null,
  sha256 text collate "C" not null,
  noted_at timestamptz not null default now(),
  primary key (root, path)
);
create index upload_hashes_noted on tabularium.upload_hashes (noted_at);

-- The places of copies that nobody points to any more, until their bytes are gone.
alter table tabularium.garbage drop constraint garbage_kind_check,
  add constraint garbage_kind_check check (kind in ('run', 'logged-model', 'pin'));
