import { readFile } from 'node:fs/promises';
import { allowList } from './allow-list.ts';
import type { Allowed } from './allowed.ts';
import type { Answer } from './normalise.ts';

/** What the real MLflow answered to each step, by its name. */
export const recorded: Readonly<Record<string, Answer>> = JSON.parse(
  await readFile(new URL('./recorded.json', import.meta.url), 'utf8'),
);

/** The entries of the allow-list that cover a step; more than one is a mistake in the list. */
export const allowedFor = (step: string): Allowed[] =>
  allowList.filter(({ requests }) => requests.some((request) => isNamed(request, step)));

export function isNamed(request: string | RegExp, step: string): boolean {
  return typeof request === 'string' ? request === step : request.test(step);
}

/** What we must answer to a step. */
export function expectedAnswer(step: string): Answer | undefined {
  const theirs = recorded[step];
  return theirs && (allowedFor(step)[0]?.ours(theirs) ?? theirs);
}
