/** How Python writes and reads values: MLflow's sentences show them in that form. */

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** `repr` of a str. */
export function reprText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replace(/[\\\n\r\t'"]|[\p{C}\p{Z}]/gu, (char) => {
    if (char === quote) return `\\${char}`;
    if (char === "'" || char === '"' || char === ' ') return char;
    return escapes[char] ?? codeEscape(char.codePointAt(0) ?? 0);
  });
  return quote + body + quote;
}

function codeEscape(code: number): string {
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

/** `repr` of a float. */
export function reprFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  return Number.isInteger(value) ? `${Object.is(value, -0) ? '-0' : value}.0` : String(value);
}

/** `repr` of a list of str. */
export const reprList = (values: readonly string[]): string => `[${values.map(reprText).join(', ')}]`;

/** `repr` of a set of str. Python's order changes from process to process; ours is the order given. */
export const reprSet = (values: Iterable<string>): string => `{${[...values].map(reprText).join(', ')}}`;

/** `json.dumps` of a str: ASCII only. */
export const dumpText = (text: string): string =>
  JSON.stringify(text).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** `int(text)`; undefined where Python raises. */
export function readInteger(text: string): bigint | undefined {
  if (/^\d{1,15}$/.test(text)) return BigInt(text);
  const digits = /^\s*([+-]?)(\p{Nd}+(?:_\p{Nd}+)*)\s*$/u.exec(text);
  // Python refuses more than 4300 digits.
  if (!digits || text.length > 4300) return undefined;
  const value = BigInt(asciiDigits((digits[2] ?? '').replaceAll('_', '')));
  return digits[1] === '-' ? -value : value;
}

/** Digits of every script count in Python; each script's stand in a row from its zero. */
function asciiDigits(text: string): string {
  return text.replace(/\P{ASCII}/gu, (digit) => {
    const code = digit.codePointAt(0) as number;
    let first = code;
    while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--;
    return String((code - first) % 10);
  });
}

/** `float(text)`; undefined where Python raises. */
export function readFloat(text: string): number | undefined {
  const plain = text.trim();
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(plain);
  if (special)
    return special[2]?.toLowerCase() === 'nan' ? Number.NaN : special[1] === '-' ? -Infinity : Infinity;
  const digits = '\\d+(?:_\\d+)*';
  const number = new RegExp(`^[+-]?(?:${digits}\\.?(?:${digits})?|\\.${digits})(?:e[+-]?${digits})?$`, 'i');
  return number.test(plain) ? Number(plain.replaceAll('_', '')) : undefined;
}
