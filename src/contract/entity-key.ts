import { invalidParameter, type MlflowError } from './error.ts';
import { pathRefusal } from './posix.ts';
import { dumpText } from './python.ts';

/** Length in characters as Python counts them: code points. */
export const lengthOf = (text: string): number => {
  let length = 0;
  for (const _ of text) length++;
  return length;
};

/** @throws INVALID_PARAMETER_VALUE where the text is longer than `limit` characters. */
export function checkLength(field: string, limit: number, text: string): void {
  if (text.length > limit && lengthOf(text) > limit)
    throw invalidParameter(`'${field}' exceeds the maximum length of ${limit} characters`);
}

/** The first `limit` characters. */
export const truncate = (text: string, limit: number): string =>
  text.length > limit && lengthOf(text) > limit ? [...text].slice(0, limit).join('') : text;

/** `Invalid value … for parameter …`, as MLflow words it. */
export const invalidValue = (path: string, value: string, reason?: string): MlflowError =>
  invalidParameter(
    `Invalid value ${dumpText(value)} for parameter '${path}' supplied${reason ? `: ${reason}` : '.'}`,
  );

/**
 * The rule for the keys of parameters, metrics and tags (`mlflow/utils/validation.py`): letters and digits of any
 * script, `_ - . : /` and spaces, and, since MLflow may use a key as a file's name, no path that leads elsewhere.
 *
 * @param path how the sentence calls the field, e.g. `key` or `params[3].key`.
 */
export function checkKey(key: string, path: string): void {
  // Python's "$" also matches before a line end.
  if (!/^[/\p{L}\p{N}_.\- :]*\n?$/u.test(key))
    throw invalidValue(
      path,
      key,
      'Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and ' +
        'slashes (/).',
    );
  const refusal = pathRefusal(key);
  if (refusal) throw invalidValue(path, key, refusal);
}
