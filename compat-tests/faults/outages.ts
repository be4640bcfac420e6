import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from 'postgres';
import type { Part } from './run.ts';
import { openStage, recovered, refuses } from './stage.ts';

/** Postgres is restarted by its owner, and its connections are taken by others. */
export async function outages(part: Part): Promise<void> {
  const { cluster, folder, random, test } = part;
  const stage = await openStage({ name: 'outages', cluster, folder, random });
  for (const how of ['fast', 'immediate', 'fast', 'immediate'] as const) {
    await test(`Postgres restarted -m ${how}`, async () => {
      const work = stage.load.begin();
      await sleep(random.between(300, 1200));
      await cluster.stop(how);
      const wrong = await refuses(stage);
      await sleep(random.between(0, 500));
      await cluster.start();
      const back = await recovered(stage);
      await sleep(200);
      await work.stop();
      return [...wrong, ...back.wrong, ...(await stage.check())];
    });
  }

  await test('every connection of Postgres taken by others', async () => {
    const work = stage.load.begin();
    await sleep(500);
    const others = cluster.connect('postgres', 1);
    const sessions: Sql[] = [];
    // Others come faster than the server, whose sessions are ended, until it has none and no place is left.
    // Places get free a moment after a session is not listed any more, so it must stay like that for a while.
    for (let calm = 0; calm < 5; ) {
      await others`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'outages'`;
      const more = Array.from({ length: 10 }, () => cluster.connect('postgres', 1));
      const taken = await Promise.allSettled(more.map((session) => session`select 1`));
      sessions.push(...more);
      const full = taken.some(({ status }) => status === 'rejected');
      const [row] = await others`select count(*)::int as n from pg_stat_activity where datname = 'outages'`;
      calm = full && row?.n === 0 ? calm + 1 : 0;
    }
    const wrong = await refuses(stage);
    await sleep(500);
    await Promise.all(sessions.map((session) => session.end({ timeout: 1 })));
    for (let left = 2; left > 1; ) {
      const [row] = await others`select count(*)::int as n from pg_stat_activity where datname = 'postgres'`;
      left = row?.n;
    }
    await others.end();
    const back = await recovered(stage);
    await sleep(200);
    await work.stop();
    return [...wrong, ...back.wrong, ...(await stage.check({ whole: true }))];
  });
  await stage.close();
}
