/**
 * What a real `mlflow server` 3.17.2 shows as well, and last what we do not serve yet, in the words in which a visitor
 * notes it.
 */
export const allowed: readonly { readonly what: RegExp; readonly why: string }[] = [
  {
    what: /\/ajax-api\/2\.0\/mlflow\/users\/(current|list)/,
    why: 'MLflow without its app for passwords has no users: it answers 404, and the UI goes on without.',
  },
  {
    what: /https:\/\/mlflow\.org\/docs\/.*\.mp4/,
    why: 'A film on the pages of traces, which a machine without the internet cannot load.',
  },
  {
    what: /ResizeObserver loop completed with undelivered notifications/,
    why: 'Chromium says so of a layout of the UI that is still growing.',
  },
  {
    what: /AG Grid: unable to find bean reference frameworkOverrides/,
    why: 'The table of runs, where it is thrown away while it is still being made: by the UI itself, whatever the server.',
  },
  {
    what: /\/ajax-api\/2\.0\/mlflow\/(registered-models\/get\?name|experiments\/get-by-name\?experiment_name)=made-here/,
    why: 'Before it creates something the UI asks whether the name is taken.',
  },
  {
    what: /\/ajax-api\/3\.0\/mlflow\/review-queues\/get-or-create-user/,
    why: 'Ours alone: it creates a queue, and a write that is absent never answers a success. The page shows no error.',
  },
];
