import { setTimeout as sleep } from 'node:timers/promises';
import { makeProxy, moments } from './proxy.ts';
import type { Part } from './run.ts';
import { openStage, recovered } from './stage.ts';

/** The connections between the server and Postgres are lost. */
export async function network(part: Part): Promise<void> {
  const { cluster, folder, random, test } = part;
  const proxy = await makeProxy(cluster.port);
  const open = { cluster, folder, random, databasePort: proxy.port };
  const stage = await openStage({ ...open, name: 'network' });
  for (const moment of moments) {
    await test(`connections cut ${moment} a statement's bytes, ten times`, async () => {
      const work = stage.load.begin();
      for (let i = 0; i < 10; i++) {
        await sleep(random.between(20, 400));
        proxy.cut(moment);
      }
      await sleep(200);
      proxy.spare();
      const back = await recovered(stage);
      await work.stop();
      return [...back.wrong, ...(await stage.check())];
    });
  }
  await test('all artifacts after the cuts', () => stage.check({ whole: true }));
  await stage.close();
  await proxy.close();
}
