import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { readPages } from './checks.ts';
import { api } from './load.ts';
import type { Part } from './run.ts';
import { openStage } from './stage.ts';

const hour = 3_600_000;

/** The server's clock goes back by an hour, and forward again, while it works; that of Postgres stays. */
export async function clockSetBack({ cluster, folder, random, test }: Part): Promise<void> {
  const file = join(folder, 'clock');
  // Whole, or the server could read half a number.
  const setClock = async (offset: number) => {
    writeFileSync(`${file}.new`, String(offset));
    renameSync(`${file}.new`, file);
    await sleep(200);
  };
  await setClock(0);
  const env = {
    TEST_CLOCK_FILE: file,
    NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'clock.ts'))}`,
  };
  const stage = await openStage({ name: 'clock', cluster, folder, random, env });
  const { wire, load } = stage;
  const ask = async (path: string, body?: object) => {
    const answer = await wire.ask(body ? 'POST' : 'GET', api + path, body);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };

  await test('the clock is set back and forward under load', async () => {
    const work = load.begin();
    for (const offset of [0, -hour, hour, -hour, 0]) {
      await setClock(offset);
      await sleep(random.between(200, 500));
    }
    await work.stop();
    return await stage.check({ whole: true });
  });

  await test('what was done last has the time of the clock, and lists go on where they were', async () => {
    const wrong: string[] = [];
    const expect = (what: string, is: unknown, should: unknown) => {
      if (is !== should) wrong.push(`${what} is ${is}, not ${should}`);
    };
    await setClock(0);
    const names = Array.from({ length: 6 }, (_, i) => `clock-${i}`);
    for (const name of names) await ask('registered-models/create', { name });
    await ask('model-versions/create', { name: 'clock-0', source: 's3://clock/1' });
    const search = `registered-models/search?max_results=4&order_by=last_updated_timestamp&filter=${encodeURIComponent("name LIKE 'clock-%'")}`;
    const first = await ask(search);

    await setClock(-hour);
    const next = await ask(`${search}&page_token=${encodeURIComponent(first.next_page_token)}`);
    const listed = [...first.registered_models, ...next.registered_models].map(({ name }) => name);
    expect('the list over two pages', listed.sort().join(), names.join());

    const { model_version: second } = await ask('model-versions/create', {
      name: 'clock-0',
      source: 's3://clock/2',
    });
    expect('the next number', second.version, '2');
    const { registered_model: model } = await ask('registered-models/get?name=clock-0');
    expect('the newest version', model.latest_versions.at(-1)?.version, '2');
    expect('its time', model.last_updated_timestamp, second.creation_timestamp);
    if (model.last_updated_timestamp > model.creation_timestamp - hour / 2)
      wrong.push('the time of the change is not that of the clock that was set back');
    const { model_version: latest } = await ask('registered-models/alias?name=clock-0&alias=latest');
    expect('the alias latest', latest.version, '2');
    const shown = await readPages<{ name: string }>(
      wire,
      'registered-models/search?max_results=2&order_by=last_updated_timestamp+DESC',
      'registered_models',
    );
    expect('a model in all pages by time', shown.filter(({ name }) => name === 'clock-0').length, 1);

    // Of a metric counts the greatest step and then the greatest time that the client sent, whatever the clock says.
    const { run } = await ask('runs/create', { experiment_id: '0', start_time: 1 });
    const log = (value: number, step: number, timestamp: number) =>
      ask('runs/log-metric', { run_id: run.info.run_id, key: 'm', value, step, timestamp });
    await log(1, 5, 1000);
    await log(2, 5, 900);
    await log(3, 4, 2000);
    const { run: logged } = await ask(`runs/get?run_id=${run.info.run_id}`);
    expect('the metric', logged.data.metrics[0]?.value, 1);

    // The log tells when it was, by the clock of Postgres, which nobody has set back.
    const sql = cluster.connect('clock');
    const [row] = await sql<{ ordered: boolean }[]>`
      select bool_and(ordered) as ordered from (
        select at >= lag(at, 1, at) over (order by id) - interval '1 minute' as ordered from tabularium.audit) a`;
    await sql.end();
    expect('the order of the audit log', row?.ordered, true);
    return [...wrong, ...(await stage.check())];
  });
  await stage.close();
}
