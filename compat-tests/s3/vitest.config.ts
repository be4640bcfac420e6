import { defineConfig } from 'vitest/config';

/** Tests that need an S3 server: `vitest run --config compat-tests/s3/vitest.config.ts`, which starts moto by itself. */
export default defineConfig({
  test: {
    include: ['src/**/*.s3.test.ts', 'compat-tests/**/*.s3.test.ts'],
    globalSetup: ['src/testing/global-setup.ts', 'compat-tests/s3/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
