import { setTimeout as sleep } from 'node:timers/promises';
import { makeProxy, moments } from './proxy.ts';
import type { Part } from './run.ts';
import { openStage, recovered, refuses } from './stage.ts';

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

/** The network swallows everything: nobody is told that the connections are lost, and they stay open. */
export async function silence(part: Part): Promise<void> {
  const { cluster, folder, random, test } = part;
  const proxy = await makeProxy(cluster.port);
  // Longer than the server waits for Postgres, and then for the row that a lost session may still hold.
  const patience = 150_000;
  const open = { cluster, folder, random, databasePort: proxy.port, patience };
  const stage = await openStage({ ...open, name: 'silence' });
  await test('a network that swallows everything: requests are refused, not held for ever', async () => {
    const work = stage.load.begin();
    await sleep(1000);
    proxy.swallow();
    await sleep(1000);
    await work.stop();
    const wrong = await refuses(stage);
    proxy.heal();
    const back = await recovered(stage);
    return [...wrong, ...back.wrong, ...(await stage.check({ whole: true }))];
  });
  await stage.close();
  await proxy.close();
}
