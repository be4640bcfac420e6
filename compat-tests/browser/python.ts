import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { inject } from 'vitest';

/** MLflow's Python client, beside the browser. */
export interface Python {
  /** The value of an expression, in which `client` is an `MlflowClient`. */
  // biome-ignore lint/suspicious/noExplicitAny: what it is the test knows
  value(expression: string): Promise<any>;
  end(): void;
}

export function startPython(): Python {
  const child = spawn(inject('python'), [join(import.meta.dirname, 'client.py'), inject('url')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async value(expression) {
      child.stdin.write(`${JSON.stringify(expression)}\n`);
      const { value: line, done } = await lines.next();
      const answer = done ? { error: 'Python has ended' } : JSON.parse(line);
      if (answer.error) throw new Error(`${expression}\n${answer.error}`);
      return answer.value;
    },
    end: () => child.stdin.end(),
  };
}
