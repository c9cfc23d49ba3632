// The benchmarks of `make bench`: the journeys' browser, and their own folder.
import { defineConfig } from "@playwright/test";
import journeys from "./playwright.config";

export default defineConfig({ ...journeys, testDir: "bench", reporter: [["list"]] });
