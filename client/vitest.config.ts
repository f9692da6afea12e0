import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    globalSetup: ["test/stage.ts"],
    testTimeout: 30_000,
    maxWorkers: 2,
    // The pages of the tests are of no origin; the service is of another.
    environmentOptions: { happyDOM: { settings: { fetch: { disableSameOriginPolicy: true } } } },
  },
});
