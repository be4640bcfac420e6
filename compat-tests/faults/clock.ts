import { readFileSync } from 'node:fs';

/**
 * Loaded into a server by `node --import`: its clock stands off from the machine's by as many milliseconds as the file
 * TEST_CLOCK_FILE says, which may change at any time.
 */

const file = process.env.TEST_CLOCK_FILE ?? '';
const RealDate = Date;
let offset = 0;
const read = () => {
  offset = Number(readFileSync(file, 'utf8'));
};
read();
setInterval(read, 20).unref();

globalThis.Date = class extends RealDate {
  constructor(...given: [] | [number | string]) {
    if (given.length === 0) super(RealDate.now() + offset);
    else super(...(given as [number]));
  }
  static override now(): number {
    return RealDate.now() + offset;
  }
} as DateConstructor;
