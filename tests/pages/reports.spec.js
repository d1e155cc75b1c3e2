// Every report that the other tests left in target/reports, as people meet it: on a phone, on a laptop and on paper.
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "@playwright/test";
import * as checks from "./checks.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const REPORTS = path.resolve(process.env.REPORTS ?? path.join(ROOT, "target/reports"));
const SCREENSHOTS = path.join(ROOT, "target/screenshots");
const FEWEST = 5;
const MOST_BYTES = 1_000_000;
const SIZES = {
  phone: { width: 375, height: 812 },
  laptop: { width: 1280, height: 800 },
  // A4 without the margins that the report's own @page has, at 96 px an inch.
  print: { width: 695, height: 1017 },
};

const found = existsSync(REPORTS) ? readdirSync(REPORTS) : [];
const reports = found.filter((name) => name.endsWith(".html")).sort();

test("there are reports to look at", () => {
  expect(reports.length, `reports in ${REPORTS}`).toBeGreaterThanOrEqual(FEWEST);
});

for (const report of reports) {
  const file = path.join(REPORTS, report);
  const url = pathToFileURL(file).href;
  const name = path.basename(report, ".html");

  test(`${name} is small enough to send by mail`, () => {
    expect(statSync(file).size).toBeLessThan(MOST_BYTES);
  });

  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"]) {
      test(`${name} at ${size} size, ${colorScheme}`, async ({ browser }) => {
        const context = await browser.newContext({ viewport, colorScheme });
        const page = await context.newPage();
        const complaints = checks.watch(page);
        if (size === "print") await page.emulateMedia({ media: "print" });
        await page.goto(url);
        const screenshot = path.join(SCREENSHOTS, `${name}-${size}-${colorScheme}.png`);
        await page.screenshot({ path: screenshot, fullPage: true });

        const none = async (check, what) => expect.soft(await check(page), what).toEqual([]);
        await none(checks.width, "width");
        await checks.openAll(page);
        await none(checks.width, "width with all open");
        await none(checks.accessibility, "accessibility");
        await none(checks.charts, "charts");
        await none(checks.headings, "headings");
        await none(checks.anchors, "anchors");
        if (size === "print") {
          await none(checks.cutOff, "cut off on paper");
          const pdf = await page.pdf({ format: "A4" });
          expect.soft(pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0, "pages").toBeGreaterThan(0);
        } else {
          await none(checks.keyboard, "keyboard");
        }
        expect.soft(complaints, "complaints and requests").toEqual([]);
        await context.close();
      });
    }
  }
}
