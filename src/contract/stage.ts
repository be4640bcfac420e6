import { invalidParameter } from './error.ts';

export const stages = ['None', 'Staging', 'Production', 'Archived'] as const;
export type Stage = (typeof stages)[number];

const byLowerCase = new Map<string, Stage>([
  ...stages.map((stage) => [stage.toLowerCase(), stage] as const),
  // Ours: what people call a version that was never promoted. MLflow refuses it; clients know only "None".
  ['development', 'None'],
]);

/** @throws INVALID_PARAMETER_VALUE for a stage that is none of MLflow's four (or `Development`), in any case. */
export function canonicalStage(stage: string): Stage {
  const canonical = byLowerCase.get(stage.toLowerCase());
  if (!canonical)
    throw invalidParameter(
      `Invalid Model Version stage: ${stage}. Value must be one of ${stages.join(', ')}.`,
    );
  return canonical;
}
