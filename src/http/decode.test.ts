import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MlflowError } from '../contract/error.ts';
import { type Rpcs, rpcs } from '../generated/rpcs.ts';
import { decode } from './decode.ts';
import { encode } from './encode.ts';
import { parseJson } from './json.ts';
import { messageNamed } from './message.ts';

/** One line of what `openapi/generate/record_decode.py` recorded from MLflow. */
interface Recorded {
  readonly rpc: keyof Rpcs;
  readonly method: string;
  readonly query?: string;
  readonly body?: string;
  readonly contentType?: string;
  /** One of the three: the message, the error's sentence, or the exception that became a 500. */
  readonly message?: Record<string, unknown>;
  readonly error?: string;
  readonly failure?: string;
}

const recorded = parseJson(
  readFileSync(new URL('decode.recorded.json', import.meta.url), 'utf8'),
) as readonly Recorded[];

function decodeRecorded({ rpc, method, query, body, contentType }: Recorded): object {
  return decode(rpc, {
    method,
    query: new URLSearchParams(query),
    pathParams: {},
    contentType,
    body: body ?? '',
  });
}

/** What protobuf reads from required fields that are not set is in our request. */
function withZeros({ rpc, message }: Recorded): Record<string, unknown> {
  const name = rpcs[rpc].request;
  const zeros = Object.fromEntries(messageNamed(name).required.map((field) => [field.name, field.zero()]));
  return { ...(parseJson(encode(name, zeros)) as object), ...message };
}

function outcome(run: () => object): unknown {
  try {
    return run();
  } catch (error) {
    if (error instanceof MlflowError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

const titled = (given: Recorded): string =>
  `${given.rpc} ${given.method} ${given.query ?? given.body}`.slice(0, 150);

describe('requests are read as MLflow reads them', () => {
  test.each(recorded.map((given) => [titled(given), given] as const))('%s', (_title, given) => {
    const answer = outcome(() => {
      const request = decodeRecorded(given);
      return parseJson(encode(rpcs[given.rpc].request, request)) as object;
    });
    if (given.failure) expect(answer).toMatch(/^INVALID_PARAMETER_VALUE: /);
    else if (given.error) expect(answer).toBe(`INVALID_PARAMETER_VALUE: ${given.error}`);
    else expect(answer).toEqual(withZeros(given));
  });
});
