/**
 * The JSON forms of protobuf's Timestamp, Duration and FieldMask. They travel through the server as text; what is
 * read here is brought to the one form that MLflow writes. Undefined where protobuf refuses the text.
 */

const timestampForm =
  /^(\d{4})-(\d\d?)-(\d\d?)T(\d\d?):(\d\d?):(\d\d?)(?:\.(\d{0,9}))?(?:Z|([+-])(\d+):(\d+))$/;

/** `2025-04-15T10:49:18.5+02:00` → `2025-04-15T08:49:18.500Z` */
export function normalTimestamp(text: string): string | undefined {
  const parts = timestampForm.exec(text);
  if (!parts) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHours, offsetMinutes] = parts;
  const local = new Date(0);
  local.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  local.setUTCHours(Number(hour), Number(minute), Number(second));
  const rolledOver =
    local.getUTCDate() !== Number(day) ||
    local.getUTCMonth() !== Number(month) - 1 ||
    local.getUTCHours() !== Number(hour) ||
    local.getUTCMinutes() !== Number(minute) ||
    local.getUTCSeconds() !== Number(second);
  if (rolledOver || Number(year) === 0) return undefined;
  const offset = sign ? (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000 : 0;
  const time = new Date(local.getTime() - (sign === '-' ? -offset : offset));
  if (!(time.getUTCFullYear() >= 1 && time.getUTCFullYear() <= 9999)) return undefined;
  return `${time.toISOString().slice(0, 19)}${fractionOf(fraction)}Z`;
}

const longestDuration = 315_576_000_000;

/** `1.5s` → `1.500s` */
export function normalDuration(text: string): string | undefined {
  const parts = /^(-?)(\d+)(?:\.(\d*))?s$/.exec(text);
  if (!parts || Number(parts[2]) > longestDuration) return undefined;
  const [, sign, seconds, fraction = ''] = parts;
  const normal = `${Number(seconds)}${fractionOf(fraction.slice(0, 9))}s`;
  return normal === '0s' ? normal : sign + normal;
}

/** None, three, six or nine digits, as few as hold the fraction. */
function fractionOf(digits: string): string {
  const nanos = digits.padEnd(9, '0').replace(/(?:000){1,3}$/, '');
  return nanos && `.${nanos}`;
}

/** A field mask is a list of paths in camel case; a path with an underscore is refused. */
export function normalFieldMask(text: string): string | undefined {
  return text.includes('_') ? undefined : text;
}
