// The checks themselves: a page with nothing wrong passes all of them, and each finds what was spoilt for it.
import { expect, test } from "@playwright/test";
import * as checks from "./checks.js";

const GOOD = `<!doctype html>
<html lang="en"><head><title>Good</title><meta name="viewport" content="width=device-width">
<style>
  .scroll { overflow-x: auto; } .scroll table { width: 2000px; }
  @media print { .scroll { overflow-x: visible; } .scroll table { width: auto; } }
</style></head><body>
<a href="#main">Skip to the content</a>
<main id="main"><h1>Report</h1><h2>Throughput</h2>
<figure><figcaption>Instances per second</figcaption>
<svg role="img" aria-label="B is faster" viewBox="0 0 100 50" width="200" height="100">
<rect width="100" height="50" fill="#fff"/><polyline points="0,50 100,50" stroke="#000"/>
<rect x="5" y="5" width="40" height="10"/></svg>
<details><summary>Figures</summary><table><tr><th scope="col">run</th></tr><tr><td>B</td></tr></table></details>
</figure>
<div class="scroll" tabindex="0" role="region" aria-label="All"><table><tr><th scope="col">of</th></tr><tr><td>1</td></tr></table></div>
</main></body></html>`;

async function show(page, html) {
  const complaints = checks.watch(page);
  await page.route("http://page.test/**", (route) =>
    route.request().url() === "http://page.test/" ? route.fulfill({ contentType: "text/html", body: html }) : route.abort(),
  );
  await page.goto("http://page.test/");
  return complaints;
}

test("a good page passes all checks", async ({ page }) => {
  const complaints = await show(page, GOOD.replace("<head>", '<head><link rel="icon" href="data:,">'));
  const { accessibility, anchors, charts, headings, keyboard, width } = checks;
  for (const check of [width, keyboard, accessibility, headings, anchors]) expect(await check(page), check.name).toEqual([]);
  await checks.openAll(page);
  for (const check of [charts, keyboard, accessibility]) expect(await check(page), check.name).toEqual([]);
  await page.emulateMedia({ media: "print" });
  expect(await checks.cutOff(page)).toEqual([]);
  expect(complaints).toEqual([]);
});

const SPOILT = [
  ["a skipped level", checks.headings, "<h2>Throughput</h2>", "<h3>Throughput</h3>", /h1, then h3/],
  ["two first headings", checks.headings, "<h2>Throughput</h2>", "<h1>Throughput</h1>", /second h1/],
  ["no first heading", checks.headings, "<h1>Report</h1>", "", /no h1/],
  ["a link to nowhere", checks.anchors, 'id="main"', "", /#main leads nowhere/],
  ["no skip link", checks.keyboard, '<a href="#main">Skip to the content</a>', "", /not the skip link/],
  ["a summary out of reach", checks.keyboard, "<summary>", '<summary tabindex="-1">', /summary 0/],
  ["a scroller out of reach", checks.keyboard, 'tabindex="0"', 'tabindex="-1"', /div 1/],
  ["a chart without a role", checks.charts, 'role="img"', "", /role is not img/],
  ["a chart without a name", checks.charts, 'aria-label="B is faster"', "", /no accessible name/],
  ["a chart of axes alone", checks.charts, /<rect x.*?\/>/, "", /nothing is drawn/],
  ["a chart with an empty bar", checks.charts, 'width="40" height="10"', 'width="0" height="0"', /nothing is drawn/],
  ["a chart without figures", checks.charts, "<td>B</td>", "<td></td>", /no table/],
  ["a chart on its own", checks.charts, "<h1>", '<svg role="img" aria-label="x"></svg><h1>', /outside of a figure/],
  ["a page too wide", checks.width, "<h1>Report", '<h1 style="width: 3000px">Report', /3\d\d\d px wide.*h1/],
  ["grey on grey", checks.accessibility, "<h1>", '<h1 style="color: #999; background: #aaa">', /color-contrast/],
  ["content outside of landmarks", checks.accessibility, "</main>", "</main><p>Astray</p>", /region/],
  ["no language", checks.accessibility, ' lang="en"', "", /html-has-lang/],
];

for (const [what, check, good, spoilt, finds] of SPOILT) {
  test(`${what} is found`, async ({ page }) => {
    const html = GOOD.replace(good, spoilt);
    expect(html).not.toBe(GOOD);
    await show(page, html);
    if (check === checks.charts) await checks.openAll(page);
    expect((await check(page)).join("\n")).toMatch(finds);
  });
}

test("what paper would cut off is found", async ({ page }) => {
  await show(page, GOOD.replace(/@media print.*/, ""));
  await page.emulateMedia({ media: "print" });
  expect((await checks.cutOff(page)).join("\n")).toMatch(/div scroll is 2\d\d\d px wide/);
});

for (const [what, element, finds] of [
  ["an image from elsewhere", '<img alt="" src="http://page.test/pixel.png">', /request: .*pixel\.png/],
  ["a message on the console", "<script>console.warn('beware')</script>", /console: beware/],
  ["an error of a script", "<script>null.x</script>", /page error/],
]) {
  test(`${what} is found`, async ({ page }) => {
    const complaints = await show(page, GOOD.replace("<h1>", `${element}<h1>`));
    expect(complaints.join("\n")).toMatch(finds);
  });
}
