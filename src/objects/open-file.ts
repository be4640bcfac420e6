import * as fs from 'node:fs';
import { promisify } from 'node:util';

const open = promisify(fs.open);
const read = promisify(fs.read);
const write = promisify(fs.write);
const writev = promisify(fs.writev);
const sync = promisify(fs.fsync);

/**
 * An open file. What may wait for the disk goes to a thread; what the kernel knows of a file that is open, and its
 * closing, does not: to hand a call to a thread and back takes ten times as long as the call, and of a small file there
 * are few others.
 */
export class OpenFile {
  readonly #descriptor: number;
  #isOpen = true;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** @throws the error of the file system. */
  static async open(path: string, flags: string | number): Promise<OpenFile> {
    return new OpenFile(await open(path, flags));
  }

  /** Where it lies, links followed, as Linux knows it without looking; undefined on other systems. */
  realPath(): string | undefined {
    try {
      return fs.readlinkSync(`/proc/self/fd/${this.#descriptor}`);
    } catch {
      return undefined;
    }
  }

  stat(): fs.BigIntStats {
    return fs.fstatSync(this.#descriptor, { bigint: true });
  }

  /** New memory with at most so many bytes as stand from `position` on; none at the end. */
  async read(length: number, position: number): Promise<Uint8Array> {
    const { bytesRead, buffer } = await read(
      this.#descriptor,
      Buffer.allocUnsafeSlow(length),
      0,
      length,
      position,
    );
    return buffer.subarray(0, bytesRead);
  }

  /** Writes all of them at the end. */
  async append(chunks: readonly Uint8Array[], size: number): Promise<void> {
    let { bytesWritten } = await writev(this.#descriptor, chunks as Uint8Array[]);
    if (bytesWritten === size) return;
    const all = Buffer.concat(chunks);
    while (bytesWritten < size) {
      const written = await write(this.#descriptor, all, bytesWritten, size - bytesWritten, null);
      bytesWritten += written.bytesWritten;
    }
  }

  /** Resolves when the disk has it. */
  sync(): Promise<void> {
    return sync(this.#descriptor);
  }

  /** May be called again: another file may have the same descriptor by then. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    fs.closeSync(this.#descriptor);
  }
}
