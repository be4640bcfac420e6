import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import postgres from 'postgres';

/**
 * The upper bound for a key read on these libraries: one indexed select, its text as the answer, nothing else.
 * `node bare.ts POSTGRES_URL PORT`
 */

const [url = '', port] = process.argv.slice(2);
const sql = postgres(url);
const app = new Hono();

const answer = (json: string) => new Response(json, { headers: { 'content-type': 'application/json' } });

app.get('/api/2.0/mlflow/registered-models/get', async (c) => {
  const [row] = await sql`select wire::text from tabularium.registered_models
    where workspace = 'default' and name = ${c.req.query('name') ?? ''}`;
  return answer(`{"registered_model":${row?.wire}}`);
});

app.get('/api/2.0/mlflow/model-versions/get', async (c) => {
  const [row] = await sql`select wire::text from tabularium.model_versions
    where workspace = 'default' and name = ${c.req.query('name') ?? ''} and version = ${c.req.query('version') ?? ''}`;
  return answer(`{"model_version":${row?.wire}}`);
});

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(port) });
