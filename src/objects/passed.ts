/** Bytes. At 500 MB/s these are sixty collections in a second, of about a millisecond each. */
const often = 8 * 1024 * 1024;

let since = 0;

/**
 * Is told of all bytes of artifacts that pass. Each chunk that Node reads is new memory outside of V8's heap, which V8
 * counts late and then gives back by collecting the whole heap: without this a transfer holds some 90 MiB more, and
 * costs a third more. A collection of what is young gives it back at once; `gc` is there because the launcher asks for
 * it.
 */
export function passed(bytes: number): void {
  since += bytes;
  if (since < often) return;
  since = 0;
  globalThis.gc?.({ type: 'minor' });
}
