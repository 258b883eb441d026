import { defineConfig } from "vitest/config";

const drawn = { setupFiles: ["tools/one-seed.ts"] } as const;
const shared = {
  testTimeout: 30_000,
  hookTimeout: 30_000,
  pool: "forks",
  // A second, the default, is an assertion about how busy the machine is.
  expect: { poll: { timeout: 20_000 } },
} as const;

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...shared,
          ...drawn,
          name: "unit",
          include: [
            "packages/*/{src,test}/**/*.test.ts",
            "apps/*/src/**/*.test.ts",
            "{examples,benchmarks}/**/*.test.ts",
            "tools/**/*.test.ts",
          ],
        },
      },
      {
        test: {
          ...shared,
          ...drawn,
          name: "network",
          include: ["apps/*/test/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          // Two files side by side, like all others: each waits for its processes and the chain's seconds most of the time.
          // Real processes on a shared machine: what passes only the second time is told as such, and worth a look.
          retry: 1,
        },
      },
      {
        test: {
          ...shared,
          name: "fuzz",
          include: ["{packages,apps}/*/{src,test}/**/*.fuzz.ts"],
          testTimeout: 600_000,
        },
      },
    ],
  },
});
