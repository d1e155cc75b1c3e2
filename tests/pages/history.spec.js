// The page of all runs, as people use it. Its made-up runs come from the tests of the report.
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "@playwright/test";
import * as checks from "./checks.js";

const REPORTS = fileURLToPath(new URL("../../target/reports", import.meta.url));
const at = (name, fragment = "") => pathToFileURL(path.join(REPORTS, `${name}.html`)).href + fragment;

/** Opens a page and returns the list of its complaints, which grows. */
async function open(page, name, fragment) {
  expect(existsSync(path.join(REPORTS, `${name}.html`)), `${name} in ${REPORTS}: make test writes it`).toBe(true);
  const complaints = checks.watch(page);
  await page.goto(at(name, fragment));
  return complaints;
}

const rows = (page) => page.locator("#rows tr");

test("10,000 runs are shown by few elements", async ({ page }) => {
  const complaints = await open(page, "history");
  await expect(page.locator("#status")).toHaveText("10000 of 10000 runs match.");
  await expect(rows(page)).toHaveCount(50);
  await expect(page.locator("#charts figure")).toHaveCount(12);
  expect(await page.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(5000);
  // Each of the 12 series has one step, by a tenth.
  const marks = await page.locator("#charts .ratio").allTextContents();
  expect(marks.length).toBeGreaterThanOrEqual(12);
  expect(marks.filter((mark) => /^−(9|10|11)\.\d%$/.test(mark)).length).toBeGreaterThanOrEqual(12);
  await page.locator("#more").click();
  await expect(page.locator("#charts figure")).toHaveCount(24);
  expect(complaints).toEqual([]);
});

test("filters narrow counts, charts and table, and stay in the address", async ({ page }) => {
  const complaints = await open(page, "history");
  await page.locator("#verdict").selectOption("regressed");
  await expect(rows(page).first()).toContainText("regressed");
  await expect(page.locator("#counts div").filter({ hasText: "passed" })).toContainText("0");
  await page.locator("#name").selectOption("nightly 9");
  await page.locator("#text").fill("NIGHTLY-9-0000");
  await expect(page.locator("#status")).toHaveText(/^[1-9] of 10000 runs match\.$/);
  await expect(page.locator("#charts figure")).toHaveCount(1);
  const shown = await rows(page).allTextContents();
  expect(page.url()).toContain("#text=NIGHTLY-9-0000&name=nightly+9&verdict=regressed");
  await page.reload();
  await expect(page.locator("#name")).toHaveValue("nightly 9");
  expect(await rows(page).allTextContents()).toEqual(shown);
  await page.locator("#reset").click();
  await expect(page.locator("#status")).toHaveText("10000 of 10000 runs match.");
  expect(page.url()).not.toContain("#");
  await page.locator("#from").fill("2026-01-02");
  await page.locator("#to").fill("2026-01-02");
  await expect(page.locator("#status")).toHaveText("24 of 10000 runs match.");
  expect(complaints).toEqual([]);
});

test("the table has pages, and the fragment leads to one", async ({ page }) => {
  await open(page, "history", "#page=3");
  await expect(page.locator("#place")).toHaveText("Page 3 of 200");
  const third = await rows(page).first().textContent();
  await page.locator("#previous").click();
  await expect(page.locator("#place")).toHaveText("Page 2 of 200");
  expect(await rows(page).first().textContent()).not.toBe(third);
  await page.locator("#next").click();
  expect(await rows(page).first().textContent()).toBe(third);
  await page.goto(at("history", "#page=99999"));
  await page.reload();
  await expect(page.locator("#place")).toHaveText("Page 200 of 200");
  await expect(page.locator("#next")).toBeDisabled();
});

test("two selected runs give the command that compares the later with the earlier", async ({ page }) => {
  await open(page, "history-small");
  const ids = await page.locator("#rows th code").allTextContents();
  await page.getByLabel(`Compare ${ids[0]}`, { exact: true }).check();
  await expect(page.getByLabel(`Compare ${ids[0]}`, { exact: true })).toBeFocused();
  await page.keyboard.press("Tab");
  await page.getByLabel(`Compare ${ids[4]}`, { exact: true }).check();
  await expect(page.locator("#compare code")).toHaveText(`dicomperf compare ${ids[4]} ${ids[0]}`);
});

test("a name that looks like a script stays text", async ({ page }) => {
  const complaints = await open(page, "history-one-run");
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page).first()).toContainText("</script><script>document.title = 'foreign'</script><img");
  await expect(page).toHaveTitle("dicomperf: all runs");
  expect(await page.locator("img").count()).toBe(0);
  expect(complaints).toEqual([]);
});

test("a history without a run says so", async ({ page }) => {
  const complaints = await open(page, "history-empty");
  await expect(page.locator("#lead")).toHaveText("No run is finished yet.");
  await expect(page.locator("#status")).toHaveText("0 of 0 runs match.");
  await expect(rows(page)).toHaveCount(0);
  await page.locator("#text").fill("x");
  expect(complaints).toEqual([]);
});
