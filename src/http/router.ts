import type { Result } from 'hono/router';
import { TrieRouter } from 'hono/router/trie-router';

/**
 * Hono's faster router does not take MLflow's paths (`datasets/search` beside `datasets/:dataset_id`). This one
 * remembers what the slower found for paths without parameters, of which there are no more than routes.
 */
export class RememberingRouter<T> extends TrieRouter<T> {
  readonly #fixed = new Set<string>();
  readonly #found = new Map<string, Result<T>>();

  override add(method: string, path: string, handler: T): void {
    if (!/[:*{]/.test(path)) this.#fixed.add(path);
    super.add(method, path, handler);
  }

  override match(method: string, path: string): Result<T> {
    const key = `${method} ${path}`;
    const known = this.#found.get(key);
    if (known) return known;
    const found = super.match(method, path);
    if (this.#fixed.has(path)) this.#found.set(key, found);
    return found;
  }
}
