import { invalidParameter, type MlflowError, notFound } from '../../contract/error.ts';

export interface ParsedVersion {
  /** The number as MLflow prints it in its messages. */
  readonly text: string;
  /** undefined where no version can have that number: zero, negative, or past the column's range. */
  readonly number: number | undefined;
}

/** Digits of other scripts count too in Python; the code point of a script's zero is a multiple of ten from each digit. */
function asciiDigits(text: string): string {
  return text.replace(/\p{Nd}/gu, (digit) => {
    let zero = digit.codePointAt(0) as number;
    while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1)) && zero > (digit.codePointAt(0) as number) - 9) zero--;
    return String((digit.codePointAt(0) as number) - zero);
  });
}

/** Python refuses to read longer numbers. */
const longestInteger = 4300;

/** Reads a version number as Python's `int()` does: blanks around it, a sign and single underscores are allowed. */
export function parseVersion(text = ''): ParsedVersion {
  const digits = text.trim().replaceAll('_', '').replace(/^\+/, '');
  if (!/^[+-]?\p{Nd}+(_\p{Nd}+)*$/u.test(text.trim()) || digits.length > longestInteger)
    throw invalidParameter(`Parameter 'version' must be an integer, got '${text}'.`);
  const value = BigInt(asciiDigits(digits));
  const number = value > 0n && value <= 2_147_483_647n ? Number(value) : undefined;
  return { text: String(value), number };
}

export const versionNotFound = (name: string, version: string | number): MlflowError =>
  notFound(`Model Version (name=${name}, version=${version}) not found`);

export const versionLabel = (name: string, version: string | number): string => `${name}/${version}`;
