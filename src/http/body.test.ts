import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { MlflowError } from '../contract/error.ts';
import { readBody } from './body.ts';

const mebibyte = 1024 * 1024;

async function read(body: RequestInit['body'], headers: Record<string, string> = {}): Promise<string> {
  const app = new Hono();
  app.post('/', async (c) => c.text(await readBody(c, 2 * mebibyte)));
  app.onError((error, c) =>
    c.text(error instanceof MlflowError ? `${error.code} ${error.message}` : String(error), 400),
  );
  const request = { method: 'POST', body, headers, duplex: 'half' };
  return (await app.request('/', request as RequestInit)).text();
}

const refusal = 'INVALID_PARAMETER_VALUE The body of a request must not exceed 2 MiB.';

test('text, with and without its length', async () => {
  expect(await read('{"a":"ä€😀"}')).toBe('{"a":"ä€😀"}');
  expect(await read('abc', { 'content-length': '3' })).toBe('abc');
  expect(await read(null)).toBe('');
  expect(await read('\ufeff{}')).toBe('{}');
});

test('a character that is cut by two chunks', async () => {
  const [head, tail] = [Buffer.from('😀').subarray(0, 2), Buffer.from('😀').subarray(2)];
  expect(await read(ReadableStream.from([head, tail]))).toBe('😀');
});

test('bytes that are no UTF-8 read as empty', async () => {
  expect(await read(Buffer.from('{"name":"bad\xff"}', 'latin1'))).toBe('');
  expect(await read(Buffer.from([0xed, 0xa0, 0x80]), { 'content-length': '3' })).toBe('');
});

test('up to the limit', async () => {
  expect(await read('x'.repeat(2 * mebibyte))).toHaveLength(2 * mebibyte);
  expect(await read('x'.repeat(2 * mebibyte + 1))).toBe(refusal);
  expect(await read('x', { 'content-length': String(2 * mebibyte + 1) })).toBe(refusal);
});

const lengths: Record<string, string>[] = [{}, { 'content-length': '9' }];
test.each(lengths)('a client that leaves midway, %j, is no failure of ours', async (headers) => {
  const broken = new ReadableStream({
    pull: (controller) => controller.error(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })),
  });
  expect(await read(broken, headers)).toBe(
    'INVALID_PARAMETER_VALUE The body of the request broke off before its end.',
  );
});

test('a body that goes on is not read further than the limit', async () => {
  let produced = 0;
  let cancelled = false;
  const long = new ReadableStream({
    pull(controller) {
      produced += mebibyte;
      controller.enqueue(new Uint8Array(mebibyte));
      // An end, so that a reader without a limit fails here and does not fill the machine.
      if (produced === 16 * mebibyte) controller.close();
    },
    cancel() {
      cancelled = true;
    },
  });
  expect(await read(long)).toBe(refusal);
  expect(cancelled).toBe(true);
  expect(produced).toBeLessThanOrEqual(4 * mebibyte);
});
