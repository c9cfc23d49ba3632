// How the journeys run: the system's Chromium, one journey at a time, nothing retried.
//
// SOTTO_BIN       the `sotto` binary (default: the workspace's debug build)
// SOTTO_ASSETS    the folder of built assets, handed on to the server
// SOTTO_CHROMIUM  the browser (default: Debian's)
import { defineConfig } from "@playwright/test";
import { launchOptions } from "./lib/browser";

export default defineConfig({
  testDir: "journeys",
  outputDir: "test-results",
  // Two cores: a server, a browser and two people's Argon2id share them.
  workers: 1,
  fullyParallel: false,
  forbidOnly: Boolean(process.env.CI),
  // A journey that passes only at the second try has found something.
  retries: 0,
  timeout: 90_000,
  expect: { timeout: 20_000 },
  reporter: [["list"], ["./lib/count-reporter.ts"]],
  use: {
    viewport: { width: 1280, height: 800 },
    trace: "retain-on-failure",
    testIdAttribute: "data-testid",
    launchOptions: launchOptions(),
  },
});
