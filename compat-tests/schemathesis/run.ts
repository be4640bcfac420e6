import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, junitTotals, scratch, start, type Totals } from '../processes.ts';

/**
 * Requests that schemathesis makes from the server's own `/openapi.json`: none may be answered with 500, and each
 * answer must be as it is described there.
 */
export async function runSchemathesis(url: string, python: string): Promise<Totals> {
  const folder = join(scratch, 'schemathesis');
  await mkdir(folder);
  const config = join(folder, 'schemathesis.toml');
  await copyFile(join(import.meta.dirname, 'schemathesis.toml'), config);
  const { run, expendableRun, loggedModel } = await fill(url);
  await writeFile(join(folder, 'runs.dict'), `"${run}"\n"${expendableRun}"\n`);
  await writeFile(join(folder, 'expendable-runs.dict'), `"${expendableRun}"\n`);
  await writeFile(join(folder, 'logged-models.dict'), `"${loggedModel}"\n`);

  const report = join(folder, 'report.xml');
  const child = start(
    python,
    [
      ...['-m', 'schemathesis.cli', '--config-file', config, 'run', `${url}/openapi.json`],
      ...['--continue-on-failure', '--no-color', '--warnings', 'off'],
      ...['--report', 'junit', '--report-junit-path', report],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'], env: { PYTHONUNBUFFERED: '1' } },
  );
  const code = await codeOf(child);
  return junitTotals([report], code);
}

/** Something of each kind, so that requests can succeed; resolves to the ids that the server chose. */
async function fill(url: string): Promise<{ run: string; expendableRun: string; loggedModel: string }> {
  const post = async (path: string, body: object): Promise<string> => {
    const request = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
    return (await fetch(`${url}/api/2.0/mlflow/${path}`, request)).text();
  };
  const fieldOf = (field: string, text: string): string => {
    const value = new RegExp(`"${field}" ?: ?"([^"]+)"`).exec(text)?.[1];
    if (value === undefined) throw new Error(`The server answered ${text}`);
    return value;
  };
  const run = fieldOf('run_id', await post('runs/create', { experiment_id: '0' }));
  const expendableRun = fieldOf('run_id', await post('runs/create', { experiment_id: '0' }));
  await post('runs/log-metric', { run_id: run, key: 'auc', value: 'NaN', timestamp: 1 });
  const loggedModel = fieldOf(
    'model_id',
    await post('logged-models', { experiment_id: '0', source_run_id: run }),
  );
  for (const place of [`${run}/artifacts`, `models/${loggedModel}/artifacts`])
    await fetch(`${url}/api/2.0/mlflow-artifacts/artifacts/0/${place}/MLmodel`, {
      method: 'PUT',
      body: 'flavors: {}',
    });
  await post('registered-models/create', { name: 'fuzzed' });
  const source = `mlflow-artifacts:/0/${run}/artifacts`;
  await post('model-versions/create', { name: 'fuzzed', source, run_id: run });
  return { run, expendableRun, loggedModel };
}
