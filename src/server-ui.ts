import { existsSync } from 'node:fs';
import { StartError } from './contract/start-error.ts';
import { installedUi, installUi, type UiPlace } from './ui/install.ts';

export interface UiInstaller {
  /** What is done about the web UI, or why it will not come, in one sentence. */
  progress(): string;
  /** Brings it in the background. What goes wrong is said on standard error and by `progress`. */
  start(): void;
  stop(): Promise<void>;
}

/** Brings the web UI to its place if it is not there; `tell` hears of every progress. */
export function createUiInstaller(
  place: UiPlace | undefined,
  tell: (progress: string) => void = () => {},
): UiInstaller {
  const stopping = new AbortController();
  let progress = 'The web UI is about to be fetched';
  let installing: Promise<void> | undefined;
  const say = (text: string) => {
    progress = text;
    tell(text);
  };
  return {
    progress: () => progress,
    start() {
      if (!place || existsSync(installedUi(place.folder))) return;
      process.stdout.write('  The web UI is being fetched: the page shows it as soon as it is there.\n\n');
      installing = installUi(place, say, stopping.signal).then(
        () => say('The web UI is there'),
        (error: Error) => {
          if (stopping.signal.aborted) return;
          say(failed(error));
          process.stderr.write(`tabularium: ${progress}\n`);
        },
      );
    },
    async stop() {
      stopping.abort();
      await installing;
    },
  };
}

const failed = (error: Error): string =>
  `The web UI could not be installed (${error.message}); all else works. Bring its wheel with --ui-wheel FILE, or leave it out with --no-ui.`;

/** `tabularium ui install` */
export async function runUiInstall(place: UiPlace): Promise<void> {
  await installUi(place, () => {}, new AbortController().signal).catch((cause: Error) => {
    throw new StartError(failed(cause), { cause });
  });
  process.stdout.write(`The web UI lies in ${installedUi(place.folder)}.\n`);
}
