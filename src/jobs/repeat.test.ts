import { EventEmitter, once } from 'node:events';
import { expect, test } from 'vitest';
import { repeat } from './repeat.ts';

test('goes on at once while there is more, after a failure, and until it is ended', async () => {
  const rounds = new EventEmitter();
  const logged: object[] = [];
  let count = 0;
  const end = repeat('counting', 1, { warn: (detail) => logged.push(detail) }, async () => {
    count++;
    if (count === 2) throw new Error('no');
    if (count === 5) rounds.emit('fifth');
    return count < 4;
  });
  await once(rounds, 'fifth');
  await end();
  const ended = count;
  expect(logged).toEqual([{ err: new Error('no'), job: 'counting' }]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(count).toBe(ended);
});

test('ending it waits for the round under way', async () => {
  let finish: (more: boolean) => void = () => {};
  let done = false;
  const end = repeat('waiting', 1, { warn: () => {} }, async () => {
    const more = await new Promise<boolean>((resolve) => {
      finish = resolve;
    });
    done = true;
    return more;
  });
  const ended = end().then(() => done);
  finish(true);
  expect(await ended).toBe(true);
});
