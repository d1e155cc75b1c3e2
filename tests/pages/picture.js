// The picture in the README: the top of a real report.
import { existsSync, statSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "@playwright/test";
import { browser } from "./browser.js";

const report = fileURLToPath(new URL("../../target/demo/report.html", import.meta.url));
const picture = fileURLToPath(new URL("../../docs/report.png", import.meta.url));
const SIZE = { width: 1280, height: 1000 };
const MOST_BYTES = 300_000;

if (!existsSync(report)) {
  console.error(`${report} is not there: make demo comes first`);
  process.exit(1);
}
const running = await chromium.launch(browser());
const page = await running.newPage({ viewport: SIZE, colorScheme: "light" });
await page.goto(pathToFileURL(report).href);
await page.screenshot({ path: picture });
await running.close();
const { size } = statSync(picture);
if (size >= MOST_BYTES) {
  console.error(`${picture} has ${size} bytes, and ${MOST_BYTES} are too many`);
  process.exit(1);
}
console.log(`${picture}: ${size} bytes`);
