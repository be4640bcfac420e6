import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UiPlace } from './ui/install.ts';

/** The web UI lies beside the sources of a clone, or where an image has it beside the program; else with the data. */
export function uiPlaceOf(wheel: string | undefined, dataDir: string): UiPlace {
  const beside = fileURLToPath(new URL('../.ui', import.meta.url));
  const isClone = import.meta.url.endsWith('.ts');
  return {
    folder: isClone || existsSync(beside) ? beside : join(dataDir, 'ui'),
    wheel: wheel && resolve(wheel),
  };
}
