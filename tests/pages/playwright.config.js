import { defineConfig } from "@playwright/test";
import { browser } from "./browser.js";

export default defineConfig({
  testDir: ".",
  outputDir: "../../target/pages",
  fullyParallel: true,
  forbidOnly: true,
  workers: "100%",
  reporter: [["dot"]],
  timeout: 120_000,
  use: { browserName: "chromium", launchOptions: browser() },
});
