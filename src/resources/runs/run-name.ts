import { randomInt } from 'node:crypto';

const qualities = [
  'amber', 'bright', 'calm', 'clever', 'crisp', 'daring', 'early', 'fair', 'fleet', 'gentle', 'golden', 'grand',
  'happy', 'honest', 'keen', 'light', 'lively', 'lucid', 'merry', 'mild', 'nimble', 'noble', 'patient', 'polite',
  'proud', 'quick', 'quiet', 'rapid', 'rare', 'ready', 'serene', 'sharp', 'silver', 'steady', 'sunny', 'swift',
  'tidy', 'warm', 'wise', 'witty',
] as const;

const things = [
  'archive', 'atlas', 'badger', 'beacon', 'birch', 'canyon', 'cedar', 'comet', 'delta', 'dune', 'falcon', 'fern',
  'finch', 'garnet', 'glade', 'harbor', 'heron', 'island', 'lantern', 'ledger', 'lynx', 'maple', 'marten', 'meadow',
  'mesa', 'orchid', 'osprey', 'otter', 'parchment', 'pebble', 'quartz', 'quill', 'raven', 'reef', 'river', 'scroll',
  'sparrow', 'tablet', 'thistle', 'willow',
] as const;

/** A name for a run that was given none, such as `quiet-heron-417`. */
export function generateRunName(): string {
  const pick = (words: readonly string[]) => words[randomInt(words.length)];
  return `${pick(qualities)}-${pick(things)}-${randomInt(1000)}`;
}
