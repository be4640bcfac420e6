import { Rendered } from './operation.ts';

/** The answer of a list: its documents (JSON) in `field`, and the token of the next page; what is not there is left out. */
export function renderPage(
  field: string,
  documents: readonly (string | Uint8Array)[],
  token?: string,
): Rendered {
  const next = token === undefined ? '' : `"next_page_token":${JSON.stringify(token)}`;
  if (documents.length === 0) return new Rendered(`{${next}}`);
  const parts = documents.flatMap((document) => [comma, bytesOf(document)]);
  parts[0] = bytesOf(`{"${field}":[`);
  parts.push(bytesOf(next ? `],${next}}` : ']}'));
  return new Rendered(Buffer.concat(parts));
}

const bytesOf = (part: string | Uint8Array): Uint8Array =>
  typeof part === 'string' ? Buffer.from(part) : part;

const comma = bytesOf(',');
