-- works with programs from: 0003
--
-- A version's aliases lie beside its document, so that a version is read by one row. The trigger keeps them, whichever
-- program writes an alias; the writer holds the lock on the model, as for every change of a model.

alter table tabularium.model_versions add column aliases json;

create function tabularium.copy_aliases() returns trigger language plpgsql as $$
begin
  update tabularium.model_versions v
  set aliases = (
    select json_agg(alias order by alias) from tabularium.registered_model_aliases a
    where a.workspace = v.workspace and a.name = v.name and a.version = v.version)
  from (
    select old.workspace, old.name, old.version where tg_op <> 'INSERT'
    union select new.workspace, new.name, new.version where tg_op <> 'DELETE') changed
  where (v.workspace, v.name, v.version) = (changed.workspace, changed.name, changed.version);
  return null;
end $$;

create trigger copy_aliases after insert or update or delete on tabularium.registered_model_aliases
  for each row execute function tabularium.copy_aliases();

update tabularium.model_versions v set aliases = a.aliases
from (
  select workspace, name, version, json_agg(alias order by alias) as aliases
  from tabularium.registered_model_aliases group by workspace, name, version) a
where (v.workspace, v.name, v.version) = (a.workspace, a.name, a.version);
