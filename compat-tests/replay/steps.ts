import { aliasesAndTags } from './requests/aliases-and-tags.ts';
import { badInput } from './requests/bad-input.ts';
import { evaluationDatasets } from './requests/evaluation-datasets.ts';
import { experimentsAndRuns } from './requests/experiments-and-runs.ts';
import { graphql } from './requests/graphql.ts';
import { metricHistories } from './requests/histories.ts';
import { loggedModelsAndArtifacts } from './requests/logged-models-and-artifacts.ts';
import { modelVersions } from './requests/model-versions.ts';
import { prompts } from './requests/prompts.ts';
import { registeredModels } from './requests/registered-models.ts';
import { registrySearch } from './requests/registry-search.ts';
import { sources } from './requests/sources.ts';
import { trackingLimits } from './requests/tracking-limits.ts';
import { unused } from './requests/unused.ts';
import type { Step } from './step.ts';

/** The script, in the order in which it is played. Each topic uses models and experiments of its own. */
export const steps: readonly Step[] = [
  ...registeredModels,
  ...modelVersions,
  ...aliasesAndTags,
  ...registrySearch,
  ...prompts,
  ...sources,
  ...badInput,
  ...experimentsAndRuns,
  ...loggedModelsAndArtifacts,
  ...trackingLimits,
  ...evaluationDatasets,
  ...metricHistories,
  ...graphql,
  ...unused,
];
