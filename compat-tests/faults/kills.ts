import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, postgresOf } from '../start/process.ts';
import { sessionsOf } from './cluster.ts';
import type { Random } from './random.ts';
import type { Part } from './run.ts';
import { openStage, recovered, refuses, type Stage } from './stage.ts';

/** A victim of `kill -9`, and what whoever runs the server does about it. */
interface Victim {
  readonly name: string;
  kill(): Promise<void>;
  /** Processes of Postgres that end because of it. */
  sessions?(): Promise<readonly number[]>;
  /** While it is dead: what is wrong. */
  meanwhile?(): Promise<readonly string[]>;
  restart?(): Promise<void>;
}

const kill = (pid: number): void => void process.kill(pid, 'SIGKILL');

/** Under load a victim dies at a random moment; then all must be there, and go on. */
async function round(stage: Stage, random: Random, victim: Victim): Promise<readonly string[]> {
  const work = stage.load.begin();
  const wrong: string[] = [];
  await sleep(random.between(300, 1500));
  const sessions = (await victim.sessions?.()) ?? [];
  await victim.kill();
  // One that lives on for a moment could still answer.
  while (sessions.some(isRunning)) await sleep(10);
  await sleep(random.between(0, 600));
  wrong.push(...((await victim.meanwhile?.()) ?? []));
  await victim.restart?.();
  const back = await recovered(stage);
  await sleep(random.between(100, 500));
  await work.stop();
  return [...wrong, ...back.wrong, ...(await stage.check())];
}

async function rounds(
  { random, test, say }: Part,
  stage: Stage,
  victims: readonly Victim[],
  count: number,
): Promise<void> {
  // Each victim has its turn before any has another.
  for (let i = 0; i < count; i += victims.length) {
    const order = [...victims].sort(() => random.next() - 0.5).slice(0, count - i);
    for (const [j, victim] of order.entries())
      await test(`kill -9 of ${victim.name}, ${i + j + 1} of ${count}`, () => round(stage, random, victim));
  }
  await test('all artifacts after the kills', () => stage.check({ whole: true }));
  const { answered, unknown } = stage.load.journal;
  say(`${answered} writes were answered, ${unknown} were not`);
}

/** An outside Postgres, with one process of the server and with two workers. */
export async function killsOfOutside(part: Part): Promise<void> {
  const { cluster, folder, random } = part;
  for (const [name, flags, count] of [
    ['kills', [], 8],
    ['workers', ['--workers', '2'], 6],
  ] as const) {
    const stage = await openStage({ name, cluster, folder, random, flags });
    const { target } = stage;
    const server: Victim = {
      name: flags.length > 0 ? 'the server and its workers' : 'the server',
      kill: () => target.kill(),
      restart: async () => void (await target.start()),
    };
    const postgres: Victim = {
      name: 'Postgres',
      kill: () => cluster.stop('kill'),
      meanwhile: () => refuses(stage),
      restart: () => cluster.start(),
    };
    const both: Victim = {
      name: 'the server and Postgres',
      kill: async () => void (await Promise.all([target.kill(), cluster.stop('kill')])),
      async restart() {
        await cluster.start();
        await target.start();
      },
    };
    // Postgres then ends all its sessions and recovers by itself.
    const session: Victim = {
      name: 'a session of Postgres',
      sessions: cluster.backends,
      kill: async () => kill(random.pick(await cluster.backends())),
    };
    // The primary replaces it.
    const worker: Victim = {
      name: 'a worker',
      async kill() {
        const { workers } = await target.processes();
        kill(random.pick(workers));
      },
    };
    const victims = flags.length > 0 ? [worker, server, postgres] : [server, postgres, both, session];
    await rounds(part, stage, victims, count);
    await stage.close();
  }
}

/** The Postgres that the server brings, which it keeps alive. */
export async function killsOfEmbedded(part: Part): Promise<void> {
  const { folder, random } = part;
  const name = 'embedded';
  const stage = await openStage({ name, folder, random });
  const { target } = stage;
  const data = join(folder, `${name}-data`);
  const pid = async () => Number(await postgresOf(data));
  const backends = async () => sessionsOf(await pid());
  const restart = async () => void (await target.start());
  await rounds(
    part,
    stage,
    [
      {
        name: 'the server and its own Postgres',
        async kill() {
          kill(await pid());
          await target.kill();
        },
        restart,
      },
      { name: 'the server, not its own Postgres', kill: () => target.kill(), restart },
      {
        name: 'the own Postgres, not the server',
        sessions: backends,
        kill: async () => kill(await pid()),
      },
      {
        name: 'a session of the own Postgres',
        sessions: backends,
        kill: async () => kill(random.pick(await backends())),
      },
    ],
    6,
  );
  await stage.close();
}
