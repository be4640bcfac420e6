import { Rendered } from './operation.ts';

/**
 * The answer of a list: its documents (JSON, as text or in UTF-8) in `field`, and the token of the next page; what is
 * not there is left out.
 */
export function renderPage(
  field: string,
  documents: readonly string[] | readonly Uint8Array[],
  token?: string,
): Rendered {
  const next = token === undefined ? '' : `"next_page_token":${JSON.stringify(token)}`;
  if (documents.length === 0) return new Rendered(`{${next}}`);
  const begin = `{"${field}":[`;
  const end = next ? `],${next}}` : ']}';
  if (isText(documents)) return new Rendered(begin + documents.join(',') + end);
  const parts = documents.flatMap((document) => [comma, document]);
  parts[0] = Buffer.from(begin);
  parts.push(Buffer.from(end));
  return new Rendered(Buffer.concat(parts));
}

const isText = (documents: readonly string[] | readonly Uint8Array[]): documents is readonly string[] =>
  typeof documents[0] === 'string';

const comma: Uint8Array = Buffer.from(',');
