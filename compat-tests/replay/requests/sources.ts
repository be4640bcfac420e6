import { get, patch, post, type Step } from '../step.ts';

/** The run and the logged model that sources point to. */
const fixtures: Step[] = [
  post('registered-models/create', 'for the sources', { name: 'src' }),
  post('registered-models/create', 'for copies', { name: 'copy' }),
  post('registered-models/create', 'without versions', { name: 'src-empty' }),
  post(
    'experiments/create',
    'for the sources',
    { name: 'sources' },
    { capture: { srcExp: 'experiment_id' } },
  ),
  post(
    'runs/create',
    'for the sources',
    { experiment_id: '{{srcExp}}', run_name: 'one', start_time: 1 },
    {
      capture: { srcRun: 'run.info.run_id', srcRoot: 'run.info.artifact_uri' },
    },
  ),
  post(
    'runs/create',
    'another one',
    { experiment_id: '{{srcExp}}', run_name: 'two', start_time: 2 },
    {
      capture: { otherRun: 'run.info.run_id', otherRoot: 'run.info.artifact_uri' },
    },
  ),
  post(
    'logged-models',
    'for the sources',
    { experiment_id: '{{srcExp}}', name: 'lm', source_run_id: '{{srcRun}}' },
    {
      capture: { srcModel: 'model.info.model_id', srcModelRoot: 'model.info.artifact_uri' },
    },
  ),
  post(
    'logged-models',
    'without a run',
    { experiment_id: '{{srcExp}}', name: 'lm2' },
    {
      capture: { lonelyModel: 'model.info.model_id' },
    },
  ),
  patch('logged-models/{{srcModel}}', 'ready', { model_id: '{{srcModel}}', status: 'LOGGED_MODEL_READY' }),
];

const create = (source: string, more: Record<string, unknown> = {}, name = 'src'): Step =>
  post(
    'model-versions/create',
    `${source}${Object.keys(more).length > 0 ? ` ${JSON.stringify(more)}` : ''}`,
    {
      name,
      source,
      ...more,
    },
  );

const run = { run_id: '{{srcRun}}' };
const other = { run_id: '{{otherRun}}' };
const model = { model_id: '{{srcModel}}' };

const pointers: Step[] = [
  create('runs:/{{srcRun}}/model', run),
  create('runs:/{{srcRun}}/model'),
  create('runs:/{{srcRun}}/model', other),
  create('runs:/{{srcRun}}', run),
  create('runs:/nobody/model', { run_id: 'nobody' }),
  create('runs://{{srcRun}}/model', run),
  create('runs:/', run),
  create('runs:/{{srcRun}}/../other', run),
  create('runs:/{{srcRun}}/model', { ...run, ...model }),

  create('models:/{{srcModel}}', model),
  get('model-versions/get-download-uri', 'of a logged model', { name: 'src', version: '4' }),
  get('logged-models/{{srcModel}}', 'it knows the version', {}),
  create('models:/{{srcModel}}', { ...model, ...other }),
  create('models:/{{srcModel}}'),
  create('models:/{{srcModel}}', { model_id: '{{lonelyModel}}' }),
  create('models:/{{lonelyModel}}', { model_id: '{{lonelyModel}}' }),
  create('models:/m-00000000000000000000000000000000', { model_id: 'm-00000000000000000000000000000000' }),
  create('models:/{{srcModel}}/model', model),

  post('registered-models/alias', 'for the sources', { name: 'src', alias: 'best', version: '4' }),
  post('model-versions/transition-stage', 'for the sources', {
    name: 'src',
    version: '1',
    stage: 'Production',
  }),
  create('models:/src/1', {}, 'copy'),
  create('models:/src/4', {}, 'copy'),
  get('model-versions/get-download-uri', 'of a copy', { name: 'copy', version: '2' }),
  create('models:/src@best', {}, 'copy'),
  create('models:/src/Production', {}, 'copy'),
  create('models:/src/production', {}, 'copy'),
  create('models:/src/Staging', {}, 'copy'),
  create('models:/src/latest', {}, 'copy'),
  create('models:/copy/1', {}, 'copy'),
  create('models:/src/99', {}, 'copy'),
  create('models:/src/abc', {}, 'copy'),
  create('models:/src/1/model', {}, 'copy'),
  create('models:/src', {}, 'copy'),
  create('models:/src@nothing', {}, 'copy'),
  create('models:/nobody/1', {}, 'copy'),
  create('models:/src-empty/latest', {}, 'copy'),
  create('models:/src/1', run, 'copy'),
  create('models:/src/1', other, 'copy'),
  create('models:/src/1', { run_id: '' }, 'copy'),
  create('models:/src/1', model, 'copy'),
  create('models://host/src/1', {}, 'copy'),
  create('models:/', {}, 'copy'),
  create('models:/a%2Fb/1', {}, 'copy'),
];

const locations: Step[] = [
  create('{{srcRoot}}/model', run),
  create('{{srcRoot}}/model'),
  create('{{srcRoot}}/model', other),
  create('{{srcRoot}}', run),
  create('{{srcModelRoot}}', model),
  create('{{srcModelRoot}}', run),
  create('{{srcRoot}}/../../secret', run),
  create('mlflow-artifacts:/elsewhere', run),
  create('mlflow-artifacts://host:5000/x', run),
  create('http://host/api/2.0/mlflow-artifacts/artifacts/x'),
  create('http://host/x'),
  create('https://host/x?y=1#z'),
  create('s3://bucket/model?versionId=1'),
  create('S3://Bucket/Model'),
  create('gs://bucket/model'),
  create('dbfs:/model'),
  create('hdfs://host/x'),
  create('sftp://user@host/x'),
  create('ftp://host/x'),
  create('wasbs://c@a.blob.core.windows.net/x'),
  create('viewfs://host/x'),
  create('uc:/x'),
  create('relative/path'),
  create('/etc/passwd'),
  create('/etc/passwd', run),
  create('file:///etc/passwd'),
  create('file:///etc/passwd', run),
  create('file://host/etc/passwd'),
  create('./x', run),
  create('C:\\models\\x'),
];

const traversal: Step[] = [
  create('s3://bucket/../x'),
  create('s3://bucket/a/./b'),
  create('s3://bucket//a//b/'),
  create('s3://bucket/%2e%2e/x'),
  create('s3://bucket/%252e%252e/x'),
  create('s3://bucket/..%2fx'),
  create('s3://bucket/a%00b'),
  create('s3://bucket/a\u0000b'),
  create('s3://bucket/a b+c'),
  create('s3://bucket/%20x'),
  create('{{srcRoot}}/%2e%2e/x', run),
  create('http://host/..%2f..%2fx'),
  create('mlflow-artifacts:/%252e%252e/x', run),
  // Last, since MLflow takes these and we do not: the numbers of later versions would differ.
  create('s3://bucket/..;/x'),
  create('s3://bucket/..\\x'),
  create('s3://bucket/%5c..%5cx'),
];

/** Where a model version may come from, and what is made of it. */
export const sources: Step[] = [...fixtures, ...pointers, ...locations, ...traversal];
