// Every report that this run of the tests left in target/reports, as people meet it: on a phone, on a laptop and on paper.
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "@playwright/test";
import * as checks from "./checks.js";

const REPORTS = fileURLToPath(new URL("../../target/reports", import.meta.url));
/** The pages that tests write: those of the report's own tests, then those of runs in the lab. */
const WRITTEN = [
  "against-a-run",
  "classic",
  "existing-rejected-contexts",
  "existing-server",
  "existing-without-proof",
  "failed-half-way",
  "history",
  "history-empty",
  "history-one-run",
  "history-small",
  "invalid-iterations",
  "measured-from-here",
  "not-comparable",
  "nothing-measured",
  "rejected-from-here",
  "sixty-scenarios",
  "two-runs",
  "with-search",
  "different-fingerprints",
  "dry-run",
  "lab-builds",
  "lab-demo",
  "lab-doctor",
  "lab-failed-half-way",
  "lab-invalid-iterations",
  "lab-kept",
  "lab-search",
  "lab-sixty-scenarios",
  "orthanc-versions",
  "tcp-nodelay",
  "tcp-nodelay-backwards",
];
// Longer than the last tests of `make test` take.
const MAX_WAIT_MS = 1_800_000;
const MAX_BYTES = 1_000_000;
// A page of 10,000 runs, which stays in the bucket.
const MAX_HISTORY_BYTES = 3_000_000;
const PHONE = { width: 375, height: 812 };
const LAPTOP = { width: 1280, height: 800 };
// A4 without the margins that the report's own @page has, at 96 px an inch.
const PAPER = { width: 695, height: 1017 };

const file = (name) => path.join(REPORTS, `${name}.html`);
// Whoever writes it has had a second to finish.
const isWritten = (name) => existsSync(file(name)) && Date.now() - statSync(file(name)).mtimeMs > 1000;
const size = (name) => statSync(file(name)).size;
// The largest first, so that no browser works alone at the end; after them those that the last tests are still to write.
const reports = [...WRITTEN].sort((a, b) => (isWritten(b) ? size(b) : 0) - (isWritten(a) ? size(a) : 0));

/** True while tests run that may write reports: `make test` names their process. */
function testsRun() {
  try {
    return process.env.DICOMPERF_TESTS_PID && process.kill(Number(process.env.DICOMPERF_TESTS_PID), 0);
  } catch {
    return false;
  }
}

/** Waits for a condition while tests run. */
async function eventually(isMet) {
  test.setTimeout(MAX_WAIT_MS);
  while (!isMet() && testsRun()) await sleep(500);
}

test.beforeEach(async ({}, { title }) => {
  const name = title.split(" ")[0];
  if (WRITTEN.includes(name)) await eventually(() => isWritten(name));
});

const none = async (check, page, what) => expect.soft(await check(page), what).toEqual([]);

/** Opens a report in the light scheme and makes every check in which colours do not matter; opens all of its details. */
async function look(page, name, viewport, media = "screen") {
  const complaints = checks.watch(page);
  await page.setViewportSize(viewport);
  await page.emulateMedia({ media, colorScheme: "light" });
  await page.goto(pathToFileURL(file(name)).href);
  await none(checks.width, page, "width");
  await checks.openAll(page);
  await none(checks.width, page, "width with all open");
  await none(checks.charts, page, "charts");
  await none(checks.headings, page, "headings");
  await none(checks.anchors, page, "anchors");
  return complaints;
}

/** Changes to the dark scheme. Where no element moves, what holds of places and sizes in the light one holds in it. */
async function darken(page) {
  const light = await checks.layout(page);
  await page.emulateMedia({ colorScheme: "dark" });
  expect.soft(checks.differing(light, await checks.layout(page)), "elements that the dark scheme moves").toEqual([]);
}

for (const name of reports) {
  test(`${name} is small enough to send by mail`, () => {
    expect(size(name)).toBeLessThan(name.startsWith("history") ? MAX_HISTORY_BYTES : MAX_BYTES);
  });

  test(`${name} on a laptop`, async ({ page }) => {
    const complaints = await look(page, name, LAPTOP);
    await none(checks.accessibility, page, "accessibility");
    await none(checks.keyboard, page, "keyboard");
    await darken(page);
    await none(checks.contrast, page, "contrast in the dark scheme");
    expect.soft(complaints, "complaints and requests").toEqual([]);
  });

  test(`${name} on a phone`, async ({ page }) => {
    const complaints = await look(page, name, PHONE);
    await none(checks.structure, page, "accessibility");
    await none(checks.keyboard, page, "keyboard");
    await darken(page);
    // Text that has another colour or counts as small here; the rest is as it is on a laptop.
    for (const colorScheme of ["dark", "light"]) {
      await page.emulateMedia({ colorScheme });
      const phone = await checks.colours(page);
      await page.setViewportSize(LAPTOP);
      const differing = checks.differing(phone, await checks.colours(page));
      await page.setViewportSize(PHONE);
      if (differing.length === 0) continue;
      const marked = await checks.mark(page, differing);
      expect.soft(await checks.contrast(page, [marked]), `contrast in the ${colorScheme} scheme`).toEqual([]);
    }
    expect.soft(complaints, "complaints and requests").toEqual([]);
  });

  test(`${name} on paper`, async ({ page }) => {
    const complaints = await look(page, name, PAPER, "print");
    await none(checks.accessibility, page, "accessibility");
    await none(checks.cutOff, page, "cut off");
    const light = await checks.colours(page);
    await darken(page);
    expect.soft(checks.differing(light, await checks.colours(page)), "elements that the dark scheme colours").toEqual([]);
    const pdf = await page.pdf({ format: "A4" });
    expect.soft(pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0, "pages").toBeGreaterThan(0);
    expect.soft(complaints, "complaints and requests").toEqual([]);
  });
}

test("the tests wrote every report that they are known to write, and no other", async () => {
  await eventually(() => false);
  const files = existsSync(REPORTS) ? readdirSync(REPORTS).filter((name) => name.endsWith(".html")) : [];
  const found = files.map((name) => path.basename(name, ".html"));
  expect(found.sort(), `reports in ${REPORTS}: make test writes them`).toEqual([...WRITTEN].sort());
});
