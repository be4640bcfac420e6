import type { Kind } from './kind.ts';
import * as datasets from './kinds-of-datasets.ts';
import * as registry from './kinds-of-registry.ts';
import * as tracking from './kinds-of-tracking.ts';

/** All that is copied, in this order: what others hang on comes first, and so does what may be there already. */
export const kinds: readonly Kind[] = [
  ...tracking.roots,
  registry.registeredModel,
  datasets.evaluationDataset,
  ...registry.belongings,
  ...datasets.belongings,
  ...tracking.belongings,
];
