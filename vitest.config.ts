import { defineConfig } from 'vitest/config';

const SIDECAR_TESTS = [
  'test/integration/sidecar/*.test.ts',
  'test/integration/sidecar/{discovery,http2,link,operation,traffic}/**/*.test.ts',
];

export default defineConfig({
  test: {
    reporters: ['default', './test/count-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          sequence: { groupOrder: 0 },
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration-sidecar',
          include: SIDECAR_TESTS,
          // Some at a time: they compare and count, and measure nothing.
          sequence: { groupOrder: 1 },
          testTimeout: 300_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: [...SIDECAR_TESTS, '**/node_modules/**'],
          // After the others, one file at a time: these share two processors with what they measure.
          sequence: { groupOrder: 2 },
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
