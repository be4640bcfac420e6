import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inflate } from '@sparticuz/chromium';
import { type BrowserServer, chromium } from 'playwright-core';

/** A headless Chromium that needs nothing of the machine: its libraries and fonts are in the npm package. */

export interface Chromium {
  /** For `chromium.connect`. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/**
 * Unpacks the browser into a folder of its own and starts it. `@sparticuz/chromium` is built for Linux on x64;
 * anywhere else Chrome must be installed.
 */
export async function startChromium(): Promise<Chromium> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    const server = await chromium.launchServer({ channel: 'chrome' });
    return chromiumOf(server);
  }
  const folder = await mkdtemp(join(tmpdir(), 'chromium-'));
  const executablePath = await unpack(folder);
  const launch = () =>
    chromium.launchServer({
      executablePath,
      // Root, who runs this in a container, has no use for the sandbox, and Chromium refuses to start with it.
      args: ['--no-sandbox', '--font-render-hinting=none'],
      env: {
        ...process.env,
        HOME: folder,
        LD_LIBRARY_PATH: join(folder, 'al2023/lib'),
        FONTCONFIG_PATH: join(folder, 'fonts'),
      },
    });
  for (let tries = 1; ; tries++) {
    try {
      return chromiumOf(await launch(), folder);
    } catch (error) {
      // A process that we started while the file was written, and that is not yet the program it is to be, has it open.
      if (tries === 50 || !`${error}`.includes('ETXTBSY')) throw error;
      await sleep(100);
    }
  }
}

const chromiumOf = (server: BrowserServer, folder?: string): Chromium => ({
  endpoint: server.wsEndpoint(),
  async close() {
    await server.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  },
});

/** Resolves to the path of the executable. */
async function unpack(folder: string): Promise<string> {
  const packed = resolve(createRequire(import.meta.url).resolve('@sparticuz/chromium'), '../../bin');
  const names = ['chromium.br', 'al2023.tar.br', 'fonts.tar.br', 'swiftshader.tar.br'];
  const [executable] = await inFolder(folder, () =>
    Promise.all(names.map((name) => inflate(join(packed, name)))),
  );
  const fonts = join(folder, 'fonts');
  await mkdir(join(folder, 'font-cache'));
  // The one of the package names folders of AWS Lambda; without any font Chromium ends at the first fallback.
  await writeFile(
    join(fonts, 'fonts.conf'),
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${fonts}/fonts</dir><cachedir>${join(folder, 'font-cache')}</cachedir></fontconfig>
`,
  );
  return executable as string;
}

/** The package unpacks into the folder for temporary files, whichever that is. */
async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}
