// What is asked of a page. Every check answers with a list of what is wrong, empty where nothing is.
import { AxeBuilder } from "@axe-core/playwright";
import axeCore from "axe-core";

/** Listens from now on: what the page complains of, and what it asks the network for beside itself. */
export function watch(page) {
  const problems = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`page error: ${error.message}`));
  page.on("request", (request) => {
    const itself = request.isNavigationRequest() && request.frame() === page.mainFrame();
    if (!itself) problems.push(`request: ${request.url()}`);
  });
  return problems;
}

/** Opens whatever can be opened, so that all of the page is checked. */
export async function openAll(page) {
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
}

/** The rules that look at colours; all others give the same answer in both colour schemes. */
const COLOUR_RULES = ["color-contrast", "link-in-text-block"];

/**
 * Makes axe-core reuse a passing contrast. Its inputs are the text's style and the styles of every element behind the text;
 * a table repeats them in thousands of cells, and computing one anew takes milliseconds.
 */
const REUSE_CONTRAST = `;(() => {
  const check = axe._audit.checks["color-contrast"];
  const { evaluate } = check;
  const BEHIND = ["background-color", "background-image", "opacity", "mix-blend-mode", "filter"];
  const TEXT = ["color", "fill", "stroke", "font-size", "font-weight", "text-shadow"];
  const style = (element, names) => {
    const computed = getComputedStyle(element);
    return names.map((name) => computed.getPropertyValue(name)).join();
  };
  const behind = new Map();
  const passed = new Set();
  check.evaluate = function (node, ...more) {
    const stack = axe.commons.dom.getElementStack(node).map((element) => {
      if (!behind.has(element)) behind.set(element, style(element, BEHIND));
      return behind.get(element);
    });
    const inputs = [style(node, [...BEHIND, ...TEXT]), ...stack].join(";");
    if (passed.has(inputs)) return true;
    const passes = evaluate.call(this, node, ...more);
    if (passes === true) passed.add(inputs);
    return passes;
  };
})();`;

/** Runs axe-core in one piece, for there are no frames: three times as fast. */
async function violated(page, options, within = []) {
  const axe = new AxeBuilder({ page, axeSource: axeCore.source + REUSE_CONTRAST }).setLegacyMode();
  within.forEach((selector) => axe.include(selector));
  const { violations } = await axe.options({ resultTypes: ["violations"], ...options }).analyze();
  return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id} (${help}): ${node.target.join(" ")}`));
}

/** Every rule of axe-core, the best practices too. */
export async function accessibility(page) {
  return violated(page, {});
}

/** Every rule that does not look at colours. */
export async function structure(page) {
  return violated(page, { rules: Object.fromEntries(COLOUR_RULES.map((rule) => [rule, { enabled: false }])) });
}

/** The rules that look at colours, in all of the page or within the selectors. */
export async function contrast(page, within = []) {
  return violated(page, { runOnly: COLOUR_RULES }, within);
}

/** One line an element: the colours that it has, and whether its text counts as large, of which less contrast is asked. */
export async function colours(page) {
  return page.evaluate(() =>
    [...document.body.querySelectorAll("*")].map((element) => {
      const style = getComputedStyle(element);
      const { color, backgroundColor, backgroundImage, opacity, mixBlendMode, filter, fill, stroke, textShadow } = style;
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
      return [element.checkVisibility(), large, color, backgroundColor, backgroundImage, opacity, mixBlendMode, filter, fill, stroke, textShadow].join();
    }),
  );
}

/** One line an element: its place and size. */
export async function layout(page) {
  return page.evaluate(() =>
    [...document.body.querySelectorAll("*")].map((element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      return [x, y, width, height].map((number) => number.toFixed(1)).join();
    }),
  );
}

/** The indices of the lines that differ. */
export function differing(before, after) {
  const indices = [...Array(Math.max(before.length, after.length)).keys()];
  return indices.filter((index) => before[index] !== after[index]);
}

/** Marks elements by their index, and returns a selector of them. */
export async function mark(page, indices) {
  return page.evaluate((indices) => {
    const all = document.body.querySelectorAll("*");
    indices.forEach((index) => (all[index].dataset.marked = ""));
    return "[data-marked]";
  }, indices);
}

/** Nothing makes the page as a whole scroll sideways. */
export async function width(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const clipped = (element) => {
      for (let outer = element.parentElement; outer; outer = outer.parentElement) {
        if (getComputedStyle(outer).overflowX !== "visible" && outer !== document.body) return true;
      }
      return false;
    };
    const wide = [...document.body.querySelectorAll("*")]
      .filter((element) => element.getBoundingClientRect().right > clientWidth + 1 && !clipped(element))
      .map((element) => `${element.tagName.toLowerCase()} ${element.className} ${element.textContent.trim().slice(0, 40)}`);
    return [`the page is ${scrollWidth} px wide, of which ${clientWidth} are seen: ${wide.slice(0, 5).join("; ")}`];
  });
}

/** On paper nobody can scroll: what does not fit is lost. */
export async function cutOff(page) {
  return page.evaluate(() =>
    [...document.body.querySelectorAll("*")]
      .filter((element) => !element.closest("svg"))
      .filter((element) => ["auto", "scroll", "hidden"].includes(getComputedStyle(element).overflowX))
      // What only screen readers get is 1 px wide on purpose.
      .filter((element) => element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1)
      .map((element) => {
        const text = element.textContent.trim().slice(0, 40);
        return `${element.tagName.toLowerCase()} ${element.className} is ${element.scrollWidth} px wide in ${element.clientWidth}: ${text}`;
      }),
  );
}

/** Every chart is an image with a name, shows something, and has its figures beside it. */
export async function charts(page) {
  await page.getByRole("img", { name: /\S/ }).evaluateAll((images) => images.forEach((image) => (image.dataset.named = "")));
  return page.evaluate(() => {
    const problems = [];
    [...document.querySelectorAll("figure:has(svg)")].forEach((figure, index) => {
      const called = `chart ${index + 1}, ${figure.textContent.trim().slice(0, 40)}`;
      const svg = figure.querySelector("svg");
      if (svg.getAttribute("role") !== "img") problems.push(`${called}: its role is not img`);
      if (!figure.querySelector("[data-named]")) problems.push(`${called}: no accessible name`);
      const whole = svg.getBoundingClientRect();
      // Lines with two ends are axes and grids; a rectangle as large as the chart is its background.
      const data = [...svg.querySelectorAll("path, rect, circle, ellipse, polygon, polyline")].filter((shape) => {
        if (shape.closest("defs, clipPath, mask, pattern")) return false;
        if (shape.tagName === "polyline" && shape.points.numberOfItems < 3) return false;
        const { width, height } = shape.getBoundingClientRect();
        return width + height > 0 && width * height < 0.9 * whole.width * whole.height;
      });
      if (data.length === 0) problems.push(`${called}: nothing is drawn`);
      const rows = [...figure.querySelectorAll("table tr")].filter((row) =>
        [...row.querySelectorAll("td")].some((cell) => cell.textContent.trim() !== ""),
      );
      if (rows.length === 0) problems.push(`${called}: no table with its figures`);
    });
    const outside = [...document.querySelectorAll("svg")].filter((svg) => !svg.closest("figure")).length;
    if (outside > 0) problems.push(`${outside} svg outside of a figure`);
    return problems;
  });
}

/** One first heading, and none that skips a level. */
export async function headings(page) {
  const levels = await page.evaluate(() =>
    [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((heading) => ({
      level: Number(heading.tagName[1]),
      text: heading.textContent.trim(),
    })),
  );
  const problems = [];
  if (levels[0]?.level !== 1) problems.push("the first heading is no h1");
  levels.forEach(({ level, text }, index) => {
    if (text === "") problems.push(`h${level} without text`);
    if (level === 1 && index > 0) problems.push(`a second h1: ${text}`);
    if (index > 0 && level > levels[index - 1].level + 1) problems.push(`h${levels[index - 1].level}, then h${level}: ${text}`);
  });
  return problems;
}

/** Links to a place in the page have such a place. */
export async function anchors(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll('a[href^="#"]')]
      .map((link) => link.getAttribute("href"))
      .filter((href) => !document.getElementById(decodeURIComponent(href.slice(1))))
      .map((href) => `${href} leads nowhere`),
  );
}

/** With the Tab key alone: the skip link first, and whatever can be opened or scrolled. */
export async function keyboard(page) {
  const wanted = await page.evaluate(() => {
    const scrolls = (element) => {
      const { overflowX, overflowY } = getComputedStyle(element);
      const can = (overflow) => ["auto", "scroll"].includes(overflow);
      return (
        (can(overflowX) && element.scrollWidth > element.clientWidth + 1) ||
        (can(overflowY) && element.scrollHeight > element.clientHeight + 1)
      );
    };
    const all = [...document.body.querySelectorAll("*")].filter(
      (element) => element.tagName === "SUMMARY" || scrolls(element),
    );
    all.forEach((element, index) => (element.dataset.wanted = `${element.tagName.toLowerCase()} ${index}`));
    return all.map((element) => `${element.dataset.wanted}: ${element.textContent.trim().slice(0, 40)}`);
  });
  const problems = [];
  const reached = new Set();
  const most = 10 + (await page.locator("a, button, input, summary, [tabindex], [data-wanted]").count());
  for (let press = 0; press < most; press++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const { activeElement: element } = document;
      return { wanted: element.dataset.wanted, tag: element.tagName, href: element.getAttribute("href"), text: element.textContent };
    });
    if (focused.tag === "BODY") break;
    if (press === 0 && !(focused.tag === "A" && focused.href?.startsWith("#") && /skip/i.test(focused.text))) {
      problems.push(`the first Tab reaches ${focused.tag.toLowerCase()} ${focused.text.trim().slice(0, 40)}, not the skip link`);
    }
    reached.add(focused.wanted);
  }
  const missed = wanted.filter((one) => !reached.has(one.split(":")[0]));
  return problems.concat(missed.map((one) => `Tab does not reach ${one}`));
}
