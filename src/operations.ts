import type { ArtifactPlaces } from './objects/locate.ts';
import { directOperations } from './resources/artifacts/direct.ts';
import { artifactOperations } from './resources/artifacts/operations.ts';
import { datasetOperations } from './resources/datasets/operations.ts';
import { experimentOperations } from './resources/experiments/operations.ts';
import { loggedModelOperations } from './resources/logged-models/operations.ts';
import { metricOperations } from './resources/metrics/operations.ts';
import type { Keeper } from './resources/model-versions/create.ts';
import { modelVersionOperations } from './resources/model-versions/operations.ts';
import { registeredModelOperations } from './resources/registered-models/operations.ts';
import { runOperations } from './resources/runs/operations.ts';

/** Every RPC that is written, by name. With `absent.ts` it is total: an RPC in neither does not compile. */
export const operationsWith = (places: ArtifactPlaces, keeper: Keeper) => ({
  ...registeredModelOperations,
  ...modelVersionOperations(keeper),
  ...experimentOperations,
  ...runOperations,
  ...metricOperations,
  ...loggedModelOperations,
  ...datasetOperations,
  ...artifactOperations(places),
  ...directOperations(places),
});

export type ImplementedRpc = keyof ReturnType<typeof operationsWith>;
