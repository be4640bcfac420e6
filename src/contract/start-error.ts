/**
 * Why the server cannot start, for a person to read: the message is one plain sentence that also says what to do
 * next. `main.ts` prints it, without a stack, and exits with 1.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}
