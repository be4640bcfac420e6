/** The release of MLflow whose web UI is served: that of the API (`http/health.ts`). */
export const uiVersion = '3.17.2';

export const wheelName = `mlflow-${uiVersion}-py3-none-any.whl`;

/** Of the wheel as it was published, in hex. */
export const wheelSha256 = '4e44c03791beb518d8b0a40b0982d958c2634d902f46d67d7907c82107f21fac';

/** Where the wheel has the UI. */
export const buildInWheel = 'mlflow/server/js/build/';

export const licensesInWheel = `mlflow-${uiVersion}.dist-info/licenses/`;
