import { defineConfig } from "@playwright/test";
import { browser } from "./browser.js";

export default defineConfig({
  testDir: ".",
  outputDir: "../../target/pages",
  fullyParallel: true,
  forbidOnly: true,
  workers: "100%",
  reporter: [["dot"]],
  // A report of 60 scenarios has 20,000 elements, each of which axe-core looks at.
  timeout: 300_000,
  use: { browserName: "chromium", launchOptions: browser() },
});
