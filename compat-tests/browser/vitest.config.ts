import { defineConfig } from 'vitest/config';

/** Tests that need the Python environments: `PYTHONS` is a JSON object that names the Python of each. */
export default defineConfig({
  test: {
    include: ['compat-tests/browser/*.test.ts'],
    globalSetup: ['compat-tests/browser/setup.ts'],
    // All files share one browser and one server.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
