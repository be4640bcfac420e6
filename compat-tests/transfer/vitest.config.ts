import { defineConfig } from 'vitest/config';

/** Tests that need the Python environments: `PYTHONS` is a JSON object that names the Python of each. */
export default defineConfig({
  test: {
    include: ['compat-tests/transfer/*.test.ts'],
    globalSetup: ['src/testing/global-setup.ts'],
    // Most of the time they wait for processes that they started.
    sequence: { concurrent: true },
    maxConcurrency: 3,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
