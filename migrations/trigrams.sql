-- Indexes for LIKE and ILIKE '%…%'. Not a numbered migration: they exist only where pg_trgm may be created.
create index if not exists registered_models_name_trgm on tabularium.registered_models using gin ((name collate "default") gin_trgm_ops);
create index if not exists experiments_name_trgm on tabularium.experiments using gin ((name collate "default") gin_trgm_ops);
create index if not exists params_value_trgm on tabularium.params using gin ((value collate "default") gin_trgm_ops);
create index if not exists tags_value_trgm on tabularium.tags using gin ((value collate "default") gin_trgm_ops);
