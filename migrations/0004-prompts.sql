-- works with programs from: 0003
--
-- Every search of models or versions leaves the prompts out, whose names are in these indexes: without them each row
-- that is found asks the index of all tags.

create index registered_model_tags_prompt on tabularium.registered_model_tags (workspace, name)
  where key = 'mlflow.prompt.is_prompt' and value = 'true';
create index model_version_tags_prompt on tabularium.model_version_tags (workspace, name)
  where key = 'mlflow.prompt.is_prompt' and value = 'true';
