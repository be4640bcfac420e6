import { invalidParameter } from '../../contract/error.ts';
import { dumpText, reprSet } from '../../contract/python.ts';

const required = ['artifact_path', 'flavors', 'utc_time_created', 'run_id'];
const kept = ['run_id', 'artifact_path', 'utc_time_created', 'model_uuid'];

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * What the tag of a run's models remembers of a model that a client before 3.0 logged: JSON, spaced as Python writes it.
 *
 * @param text the model's description (its MLmodel file) as JSON.
 * @throws INVALID_PARAMETER_VALUE for what is no such description.
 */
export function readModelSummary(text: string): string {
  const malformed = () => invalidParameter(`Malformed model info. \n ${text} \n is not a valid JSON.`);
  let model: unknown;
  try {
    model = JSON.parse(text);
  } catch {
    throw malformed();
  }
  // The real server answers its 500 page to JSON of another kind.
  if (!isObject(model)) throw malformed();
  const missing = required.filter((field) => !Object.hasOwn(model, field));
  if (missing.length > 0)
    throw invalidParameter(`Model json is missing mandatory fields: ${reprSet(missing)}`);
  const flavors = model.flavors ?? {};
  if (!isObject(flavors)) throw malformed();
  return pythonJson({
    ...Object.fromEntries(kept.map((field) => [field, model[field] ?? null])),
    flavors: Object.fromEntries(
      Object.entries(flavors).map(([name, config]) => [name, withoutConfig(config)]),
    ),
  });
}

function withoutConfig(flavor: unknown): unknown {
  if (!isObject(flavor)) return flavor;
  const { config: _, ...rest } = flavor;
  return rest;
}

/** As Python's `json.dumps`: a space behind commas and colons, ASCII only. */
function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (isObject(value)) {
    return `{${Object.entries(value)
      .map(([key, member]) => `${pythonJson(key)}: ${pythonJson(member)}`)
      .join(', ')}}`;
  }
  return typeof value === 'string' ? dumpText(value) : JSON.stringify(value);
}
