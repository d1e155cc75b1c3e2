// Times of the page of 10,000 made-up runs in Chromium. The last line of output is one JSON object, all times in ms.
import { fileURLToPath } from "node:url";
import { chromium } from "@playwright/test";
import { browser } from "./browser.js";

const REPEATS = 5;
const PAGE = new URL("../../target/reports/history.html", import.meta.url).href;
const FILTERS = { text: "nightly-9", name: "nightly 7", verdict: "regressed", from: "2026-06-01" };

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Opens the page once: times to the first paint and to the last chart, and of each filter until the next frame. */
async function times(chrome) {
  const page = await chrome.newPage();
  await page.goto(PAGE);
  const found = await page.evaluate(() => ({
    firstPaintMs: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null,
    shownMs: performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd,
    elements: document.querySelectorAll("*").length,
  }));
  for (const [id, value] of Object.entries(FILTERS)) {
    found[`${id}Ms`] = await page.evaluate(
      ([id, value]) =>
        new Promise((done) => {
          const start = performance.now();
          const field = document.getElementById(id);
          field.value = value;
          field.dispatchEvent(new Event("input", { bubbles: true }));
          requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
        }),
      [id, value],
    );
    await page.evaluate(() => document.getElementById("reset").click());
  }
  await page.close();
  return found;
}

const chrome = await chromium.launch(browser());
const all = [];
for (let repeat = 0; repeat < REPEATS; repeat++) all.push(await times(chrome));
await chrome.close();
const names = Object.keys(all[0]);
console.log(JSON.stringify(Object.fromEntries(names.map((name) => [name, Number(median(all.map((one) => one[name])).toFixed(1))]))));
