/** Requests as a client sends them, and the judgement of what comes back that holds at every moment of the test. */

export interface Answer {
  /** `refused`: the request was not sent. `unknown`: it was sent, and whether it did anything is not known. */
  readonly outcome: 'answered' | 'refused' | 'unknown';
  /** 0 where nothing came back. */
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is for the test to say
  readonly body: any;
  readonly requestId: string | undefined;
}

export interface Wire {
  readonly url: string;
  /** How often each status came; 0 is a connection that broke or was refused. */
  readonly statuses: Map<number, number>;
  /** What must never come: a 500, an outage without its sentence, a request that nobody answers. */
  readonly faults: string[];
  /** `body` is sent as JSON, bytes as they are. Never rejects. */
  ask(method: string, path: string, body?: object | Buffer): Promise<Answer>;
}

/** One sentence for a person: no line break, no stack, nothing of Postgres' own. */
const sentence = /^[A-Z][^\n]{10,150}\.$/;

/** `patience`: milliseconds after which a request counts as one that hangs. */
export function makeWire(url: string, patience = 45_000): Wire {
  const statuses = new Map<number, number>();
  const faults: string[] = [];
  const judge = (method: string, path: string, { status, body, requestId }: Answer) => {
    const what = `${method} ${path} (request ${requestId}) was answered ${status}: ${JSON.stringify(body)?.slice(0, 300)}`;
    if (status === 503) {
      if (body?.error_code !== 'TEMPORARILY_UNAVAILABLE' || !sentence.test(body.message)) faults.push(what);
    } else if (status >= 500) faults.push(what);
  };
  return {
    url,
    statuses,
    faults,
    async ask(method, path, body) {
      const bytes = Buffer.isBuffer(body);
      const aborted = AbortSignal.timeout(patience);
      let answer: Answer;
      try {
        const response = await fetch(url + path, {
          method,
          signal: aborted,
          ...(body && {
            headers: { 'content-type': bytes ? 'application/octet-stream' : 'application/json' },
            body: bytes ? new Uint8Array(body) : JSON.stringify(body),
          }),
        });
        const type = response.headers.get('content-type') ?? '';
        const json = type.startsWith('application/json') && !response.headers.has('content-disposition');
        const received = Buffer.from(await response.arrayBuffer());
        const { status } = response;
        answer = {
          outcome: status === 503 ? 'unknown' : 'answered',
          status,
          body: json && received.length > 0 ? JSON.parse(received.toString()) : received,
          requestId: response.headers.get('x-request-id') ?? undefined,
        };
      } catch (error) {
        if (aborted.aborted) faults.push(`${method} ${path} was not answered within ${patience} ms`);
        const { code } = ((error as Error).cause ?? {}) as { code?: string };
        answer = {
          outcome: code === 'ECONNREFUSED' ? 'refused' : 'unknown',
          status: 0,
          body: String(code ?? error),
          requestId: undefined,
        };
      }
      judge(method, path, answer);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      return answer;
    },
  };
}
