import type { Call, SharedChange } from '../contract/operation.ts';
import type { Ask } from './ask.ts';

/** Statements of one kind under way at once: while Postgres writes one to its disk, the next is made. */
const lanes = 2;
/** Items of one statement. */
const most = 100;

interface Waiting<Item> {
  readonly item: Item;
  readonly resolve: () => void;
  /** Does it alone, and tells who waits. */
  readonly alone: () => Promise<void>;
}

/**
 * Makes the function behind `Call.writeTogether`. Nobody is kept waiting for company: what comes while two statements of
 * a kind are under way leaves when the first of them is back.
 */
export function createTogether(ask: Ask): Call['writeTogether'] {
  /** By their change. */
  const queues = new Map<unknown, unknown>();
  return <Item, T>(shared: SharedChange<Item>, item: Item, alone: () => Promise<T>) =>
    new Promise<T | undefined>((resolve, reject) => {
      const queue =
        (queues.get(shared) as Queue<Item> | undefined) ??
        new Queue<Item>((items) => ask((sql) => shared(sql, items)));
      queues.set(shared, queue);
      queue.add({ item, resolve: () => resolve(undefined), alone: () => alone().then(resolve, reject) });
    });
}

class Queue<Item> {
  readonly #change: (items: readonly Item[]) => Promise<readonly number[]>;
  #waiting: Waiting<Item>[] = [];
  #underWay = 0;
  #isDue = false;

  constructor(change: (items: readonly Item[]) => Promise<readonly number[]>) {
    this.#change = change;
  }

  add(one: Waiting<Item>): void {
    this.#waiting.push(one);
    this.#plan();
  }

  /** After this turn of the event loop, which may bring more. */
  #plan(): void {
    if (this.#isDue || this.#underWay === lanes || this.#waiting.length === 0) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#underWay++;
      const leaving = this.#waiting.splice(0, most);
      this.#plan();
      this.#send(leaving).finally(() => {
        this.#underWay--;
        this.#plan();
      });
    });
  }

  async #send(leaving: readonly Waiting<Item>[]): Promise<void> {
    const [first, ...others] = leaving;
    if (first && others.length === 0) return first.alone();
    // Where one item is refused, or the connection breaks, each meets its own error alone.
    const done = new Set(await this.#change(leaving.map(({ item }) => item)).catch(() => []));
    leaving.forEach(({ resolve, alone }, place) => {
      if (done.has(place)) resolve();
      else alone();
    });
  }
}
