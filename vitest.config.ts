import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'openapi/**/*.test.ts', 'compat-tests/**/*.test.ts'],
    // They need the Python environments, which are made beside these tests: see compat-tests/run.ts.
    exclude: [
      ...configDefaults.exclude,
      'compat-tests/transfer/**',
      'compat-tests/browser/**',
      '**/*.s3.test.ts',
    ],
    globalSetup: ['src/testing/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
