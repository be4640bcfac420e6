import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Change, Model } from './model.ts';
import * as change from './model.ts';
import type { Random } from './random.ts';
import type { Answer, Wire } from './wire.ts';

/** Clients that write all the time, and a journal of what they were answered. */

/**
 * A model that one client writes to. After an answer its state is known. After a request whose outcome is not known it
 * is one of two, and the client leaves it alone until the checks have found out which.
 */
export interface OwnModel {
  readonly name: string;
  states: readonly (Model | undefined)[];
}

/** A version created in a model that all clients write to; `number` is what was answered. */
export interface SharedVersion {
  readonly model: string;
  readonly op: string;
  number: number | undefined;
}

/** The alias of one client in a shared model: the versions it may point at. */
export interface SharedAlias {
  readonly model: string;
  readonly alias: string;
  targets: readonly (number | undefined)[];
}

/** One log-batch: 100 metrics at step `batch`, two parameters, two tags. */
export interface Batch {
  readonly run: string;
  readonly batch: number;
  readonly answered: boolean;
}

/** A run's creation, by its name. */
export interface RunCreation {
  readonly name: string;
  readonly answered: boolean;
}

/** What may lie at a path: the hash of the bytes, or undefined for nothing. */
export interface Artifact {
  readonly path: string;
  contents: readonly (string | undefined)[];
  /** Whether the checks have read it since it was written. */
  settled: boolean;
}

export interface Journal {
  readonly models: OwnModel[];
  readonly sharedVersions: SharedVersion[];
  readonly sharedAliases: SharedAlias[];
  readonly runs: RunCreation[];
  readonly batches: Batch[];
  readonly artifacts: Artifact[];
  /** Ids of answered requests that the audit log must hold once each. */
  readonly audited: string[];
  /** Answers that contradict what the client knows. */
  readonly faults: string[];
  /** Requests that changed something: answered, and of unknown outcome. */
  answered: number;
  unknown: number;
}

export interface Load {
  readonly journal: Journal;
  /** Makes what the clients share; the server must answer. */
  prepare(): Promise<void>;
  /** Lets the clients work, until `stop` has been called and the last request has its outcome. */
  begin(): Work;
}

export interface Work {
  stop(): Promise<void>;
}

export const api = '/api/2.0/mlflow/';
export const artifactsApi = '/api/2.0/mlflow-artifacts/artifacts/';
export const metricsPerBatch = 100;
export const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** How long a client waits where the server is away (milliseconds). */
const pause = 30;
const mib = 1024 * 1024;

export function makeLoad(wire: Wire, random: Random, clients = 8): Load {
  const journal: Journal = {
    models: [],
    sharedVersions: [],
    sharedAliases: [],
    runs: [],
    batches: [],
    artifacts: [],
    audited: [],
    faults: [],
    answered: 0,
    unknown: 0,
  };
  let ops = 0;
  const newOp = () => `op-${++ops}`;
  const shared = ['shared-0', 'shared-1'];
  const workers = Array.from({ length: clients }, (_, i) => makeClient(`client-${i}`, random.fork()));

  /** Sends a change of anything. @returns undefined where it was not sent at all. */
  async function write(
    method: string,
    path: string,
    body: object | Buffer,
    { audited = false, allowed = [] as readonly number[] } = {},
  ): Promise<Answer | undefined> {
    const answer = await wire.ask(method, path, body);
    if (answer.outcome !== 'answered') await sleep(pause);
    if (answer.outcome === 'refused') return undefined;
    if (answer.outcome === 'unknown') journal.unknown++;
    else if (answer.status === 200) {
      journal.answered++;
      if (audited) journal.audited.push(answer.requestId ?? 'none');
    } else if (!allowed.includes(answer.status)) {
      const sent = Buffer.isBuffer(body) ? `${body.length} bytes` : JSON.stringify(body).slice(0, 300);
      journal.faults.push(`${method} ${path} ${sent}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer;
  }

  function makeClient(client: string, own: Random) {
    const models: OwnModel[] = [];
    let made = 0;
    let run: { id: string; batches: number } | undefined;

    async function changeModel(model: OwnModel, { method, path, body, apply, expected }: Change) {
      const [before] = model.states;
      const answer = await write(method, api + path, body, { audited: true });
      if (!answer) return;
      const after = apply(before);
      if (answer.outcome === 'unknown') model.states = [before, after];
      else if (answer.status === 200) {
        model.states = [after];
        const told = answer.body.model_version ?? answer.body.registered_model;
        for (const [key, value] of Object.entries((after && expected?.(after)) ?? {}))
          if (told?.[key] !== value)
            journal.faults.push(
              `${path} of ${model.name} answered ${key} ${told?.[key]} where ${value} is right`,
            );
      }
    }

    function chooseChange({ name, states: [model] }: OwnModel): Change {
      const numbers = Object.keys(model?.versions ?? {}).map(Number);
      if (numbers.length === 0 || own.chance(0.3)) return change.createVersion(name, newOp());
      const number = own.pick(numbers);
      const alias = own.pick(['champion', 'challenger']);
      const dice = own.next();
      if (dice < 0.35)
        return change.transition(
          name,
          number,
          own.pick(['Production', 'Production', 'Staging', 'None', 'Archived']),
        );
      if (dice < 0.5) return change.setVersionTag(name, number, own.pick(['one', 'three']), newOp());
      if (dice < 0.6) return change.setModelTag(name, own.pick(['one', 'three']), newOp());
      if (dice < 0.7) return change.describeModel(name, newOp());
      if (dice < 0.83) return change.setAlias(name, alias, number);
      if (dice < 0.9) return change.deleteAlias(name, alias);
      return dice < 0.98 ? change.deleteVersion(name, number) : change.deleteModel(name);
    }

    async function changeOwn() {
      const free = models.filter(({ states }) => states.length === 1 && states[0]);
      if (free.length < 3) {
        const model: OwnModel = { name: `own-${client}-${++made}`, states: [undefined] };
        journal.models.push(model);
        models.push(model);
        return await changeModel(model, change.createModel(model.name));
      }
      const model = own.pick(free);
      await changeModel(model, chooseChange(model));
    }

    async function changeShared() {
      const model = own.pick(shared);
      const known = journal.sharedVersions.filter((one) => one.model === model && one.number !== undefined);
      const target = known.length > 0 ? (own.pick(known).number as number) : undefined;
      const dice = own.next();
      if (target === undefined || dice < 0.4) {
        const op = newOp();
        const { method, path, body } = change.createVersion(model, op);
        const given = Math.max(0, ...known.map((one) => one.number as number));
        const version: SharedVersion = { model, op, number: undefined };
        const answer = await write(method, api + path, body, { audited: true });
        if (!answer) return;
        journal.sharedVersions.push(version);
        if (answer.status !== 200) return;
        version.number = Number(answer.body.model_version.version);
        if (version.number <= given)
          journal.faults.push(`${model} was given number ${version.number} when ${given} had been given`);
      } else if (dice < 0.7) {
        const { method, path, body } = change.transition(model, target, 'Production');
        await write(method, api + path, body, { audited: true });
      } else {
        const { method, path, body } = change.setAlias(model, client, target);
        let alias = journal.sharedAliases.find((one) => one.model === model && one.alias === client);
        // What an earlier request of unknown outcome set may come late: it is left alone until it has been looked at.
        if (alias && alias.targets.length > 1) return;
        const answer = await write(method, api + path, body, { audited: true });
        if (!answer) return;
        if (!alias) {
          alias = { model, alias: client, targets: [undefined] };
          journal.sharedAliases.push(alias);
        }
        if (answer.outcome === 'unknown') alias.targets = [...alias.targets, target];
        else if (answer.status === 200) alias.targets = [target];
      }
    }

    async function logBatch() {
      if (!run || run.batches >= 50) {
        const name = newOp();
        const answer = await write('POST', `${api}runs/create`, {
          experiment_id: '0',
          run_name: name,
          start_time: 1,
          tags: [
            { key: 'one', value: name },
            { key: 'two', value: name },
          ],
        });
        if (!answer) return;
        journal.runs.push({ name, answered: answer.status === 200 });
        run = answer.status === 200 ? { id: answer.body.run.info.run_id, batches: 0 } : undefined;
        return;
      }
      const batch = ++run.batches;
      const answer = await write('POST', `${api}runs/log-batch`, {
        run_id: run.id,
        metrics: Array.from({ length: metricsPerBatch }, (_, i) => ({
          key: `metric-${i}`,
          value: batch + i / 1000,
          timestamp: batch,
          step: batch,
        })),
        params: [0, 1].map((i) => ({ key: `param-${batch}-${i}`, value: `${batch}` })),
        tags: [0, 1].map((i) => ({ key: `tag-${batch}-${i}`, value: `${batch}` })),
      });
      if (!answer) run.batches--;
      else journal.batches.push({ run: run.id, batch, answered: answer.status === 200 });
    }

    async function writeArtifact() {
      const old = journal.artifacts.filter(
        ({ path, contents }) => path.includes(`/${client}/`) && contents.length === 1,
      );
      if (old.length > 3 && own.chance(0.15)) {
        const artifact = own.pick(old);
        const answer = await write('DELETE', artifactsApi + artifact.path, {});
        if (answer) artifact.settled = false;
        if (answer?.outcome === 'unknown') artifact.contents = [...artifact.contents, undefined];
        else if (answer?.status === 200) artifact.contents = [undefined];
        return;
      }
      const size = own.chance(0.25) ? own.between(mib, 5 * mib) : own.between(0, 64 * 1024);
      const bytes = randomBytes(size);
      const again = old.length > 3 && own.chance(0.3);
      const artifact: Artifact = again
        ? own.pick(old)
        : { path: `faults/${client}/${newOp()}`, contents: [undefined], settled: false };
      const answer = await write('PUT', artifactsApi + artifact.path, bytes);
      if (!answer) return;
      if (!again) journal.artifacts.push(artifact);
      artifact.settled = false;
      if (answer.outcome === 'unknown') artifact.contents = [...artifact.contents, hash(bytes)];
      else if (answer.status === 200) artifact.contents = [hash(bytes)];
    }

    /** What one has been answered, one reads. */
    async function readOwn() {
      const known = models.filter(({ states }) => states.length === 1);
      if (known.length === 0) return;
      const model = own.pick(known);
      const { status, body } = await wire.ask('GET', `${api}registered-models/get?name=${model.name}`);
      if (status !== 200 && status !== 404) return await sleep(pause);
      const [state] = model.states;
      const shown = body.registered_model?.description ?? '';
      if ((status === 200) !== (state !== undefined) || (state && shown !== state.description))
        journal.faults.push(
          `${model.name} reads ${status} ${shown} after its writer was told ${state?.description}`,
        );
    }

    return async () => {
      const dice = own.next();
      if (dice < 0.2) await readOwn();
      else if (dice < 0.55) await changeOwn();
      else if (dice < 0.75) await changeShared();
      else if (dice < 0.92) await logBatch();
      else await writeArtifact();
    };
  }

  return {
    journal,
    async prepare() {
      for (const name of shared) {
        const { method, path, body } = change.createModel(name);
        await write(method, api + path, body, { audited: true });
      }
    },
    begin() {
      let stopped = false;
      const work = workers.map(async (step) => {
        while (!stopped) await step();
      });
      return {
        async stop() {
          stopped = true;
          await Promise.all(work);
        },
      };
    },
  };
}
