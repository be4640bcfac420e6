import { Rendered } from './operation.ts';

/** The answer of a list: its documents (JSON) in `field`, and the token of the next page; what is not there is left out. */
export function renderPage(field: string, documents: readonly string[], token?: string): Rendered {
  const members = documents.length > 0 ? [`"${field}":[${documents.join(',')}]`] : [];
  if (token !== undefined) members.push(`"next_page_token":${JSON.stringify(token)}`);
  return new Rendered(`{${members.join(',')}}`);
}
