/** Shows a person how far a work of known size is: one line that changes in a terminal, else a line now and then. */
export interface Progress {
  /** @param at how many of them are done. */
  show(what: string, at: number, all: number): void;
  end(): void;
}

/** Milliseconds between two lines. */
const pause = { terminal: 100, file: 10_000 };

const width = 30;

/** @param unit what is counted. */
export function createProgress(out: NodeJS.WriteStream, unit = 'records'): Progress {
  let shown = 0;
  let open = false;
  let first: { at: number; time: number } | undefined;
  return {
    show(what, at, all) {
      const now = performance.now();
      first ??= { at, time: now };
      if (now - shown < (out.isTTY ? pause.terminal : pause.file)) return;
      shown = now;
      const part = all === 0 ? 1 : Math.min(1, at / all);
      const rate = Math.round(((at - first.at) * 1000) / (now - first.time)) || 0;
      const text = `${Math.floor(part * 100)} %, ${at} of ${all} ${unit}, ${rate}/s: ${what}`;
      if (!out.isTTY) {
        out.write(`${text}\n`);
        return;
      }
      const filled = Math.round(part * width);
      out.write(`\r\x1b[K[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${text}`);
      open = true;
    },
    end() {
      if (open) out.write('\r\x1b[K');
      open = false;
    },
  };
}
