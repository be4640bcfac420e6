import { type Allowed, error, INVALID } from './allowed.ts';
import type { Answer } from './normalise.ts';

const graphql = (what: string) => `POST /graphql: ${what}`;

/** What we say to what is no query, by what was tried. */
const noQueries: Readonly<Record<string, string>> = {
  [graphql('a text as variables')]: "'variables' must be a JSON object.",
  [graphql('a list as variables')]: "'variables' must be a JSON object.",
  [graphql('no GraphQL')]: 'Syntax Error: Expected Name, found "}".',
  [graphql('an empty query')]: 'Syntax Error: Unexpected <EOF>.',
  [graphql('a batch')]: 'The request body must be a JSON object.',
};
const noText = ['no query', 'null as query', 'a number as query', 'an empty batch', 'no JSON', 'nothing'];
for (const name of [...noText.map(graphql), 'GET /graphql: a query in the URL', 'GET /graphql: nothing'])
  (noQueries as Record<string, string>)[name] = "The request body must hold a text as 'query'.";

const withErrors = (recorded: Answer, errors: readonly string[]): Answer => ({
  ...recorded,
  body: { ...(recorded.body as object), errors },
});

export const allowedOfUi: readonly Allowed[] = [
  ...Object.entries(noQueries).map(
    ([name, message]): Allowed => ({
      requests: [name],
      reason: 'MLflow answers 500, without a word',
      ours: () => error(400, INVALID, message),
    }),
  ),
  {
    requests: [graphql('from a page elsewhere'), graphql('from a page without an origin')],
    reason: 'MLflow looks at the origin of what is sent to its API, not of what is sent to GraphQL',
    ours: () => ({
      status: 403,
      headers: { 'content-type': 'text/plain' },
      body: 'Cross-origin request blocked',
    }),
  },
  {
    requests: [graphql('no input'), graphql('null as input')],
    reason: 'MLflow tells of its Python',
    ours: (recorded) => withErrors(recorded, ["Missing value for required argument 'input'."]),
  },
  {
    requests: [
      graphql('an experiment in camel case and snake'),
      graphql('a variable with a field that is not there'),
    ],
    reason: 'the object that was sent is written in the words of JavaScript',
    ours: (recorded) =>
      withErrors(
        recorded,
        (recorded.body as { errors: string[] }).errors.map((text) =>
          text.replace(/\{'(\w+)': ('[^']*')\}/, '{ $1: $2 }'),
        ),
      ),
  },
  {
    requests: ['GET /ajax-api/3.0/mlflow/label-schemas/list: unused'],
    reason: 'MLflow makes a schema when it is asked for the list; to change it is not served',
    ours: (recorded) => ({ ...recorded, body: { next_page_token: '<page token>' } }),
  },
];
