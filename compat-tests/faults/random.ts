import { randomBytes } from 'node:crypto';

/** Numbers that follow from a seed, so that a run that failed can be asked to choose the same again. */
export interface Random {
  /** From 0 to below 1. */
  next(): number;
  /** From `low` to below `high`, a whole number. */
  between(low: number, high: number): number;
  pick<T>(list: readonly T[]): T;
  chance(probability: number): boolean;
  /** Numbers of their own for one part of the test, which others cannot shift. */
  fork(): Random;
}

export const newSeed = (): number => randomBytes(4).readUInt32LE();

/** Mulberry32. */
export function makeRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (low: number, high: number) => low + Math.floor(next() * (high - low));
  return {
    next,
    between,
    pick: (list) => list[between(0, list.length)] as (typeof list)[number],
    chance: (probability) => next() < probability,
    fork: () => makeRandom(between(0, 2 ** 32)),
  };
}
