"use strict";
(() => {
  const ROWS = 50;
  const CHARTS = 12;
  const OPTIONS = 300;
  const WIDTH = 640, HEIGHT = 220, LEFT = 52, RIGHT = 12, TOP = 22, BOTTOM = 24;
  const SVG = "http://www.w3.org/2000/svg";
  const VERDICTS = ["passed", "threshold broken", "regressed", "invalid", "failed"];
  const TONES = { passed: "good", "threshold broken": "caution", regressed: "bad", invalid: "caution", failed: "bad" };
  const FILTERS = ["text", "name", "verdict", "fingerprint", "from", "to"];

  const find = (id) => document.getElementById(id);
  const { texts, runs: packed, series, rest } = JSON.parse(find("data").textContent);
  const text = (place) => (place === null ? "" : texts[place]);
  const runs = packed.map(([id, name, time, verdict, fingerprint, measured, error, report, baselines]) => ({
    id, time, report, baselines: baselines ?? "",
    name: text(name), verdict: text(verdict), fingerprint: text(fingerprint), measured: text(measured), error: text(error),
    day: new Date(time * 1000).toISOString(),
  }));
  const words = runs.map((run) =>
    [run.id, run.name, run.verdict, run.fingerprint, run.measured, run.error, run.baselines].join("\n").toLowerCase());

  const state = { page: 0, charts: CHARTS, selected: [] };
  let matching = [];
  let isMatching = [];

  /** Makes an element. Text goes in as text only. */
  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }
  function draw(name, attributes, content = "") {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = content;
    return element;
  }
  const figure = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toPrecision(3));
  const change = (ratio) => `${ratio >= 1 ? "+" : "−"}${(Math.abs(ratio - 1) * 100).toFixed(1)}%`;

  function copyable(command) {
    const code = make("code", {}, command);
    const button = make("button", { type: "button", "aria-label": `Copy ${command}` }, "Copy");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(command);
        button.textContent = "Copied";
      } catch {
        // Without the right to the clipboard, the command is selected for the reader's own key.
        getSelection().selectAllChildren(code);
      }
    });
    return make("span", { class: "copy" }, code, " ", button);
  }

  function filter() {
    const value = Object.fromEntries(FILTERS.map((id) => [id, find(id).value]));
    const wanted = value.text.toLowerCase().split(/\s+/).filter(Boolean);
    isMatching = runs.map((run, index) =>
      (!value.name || run.name === value.name) && (!value.verdict || run.verdict === value.verdict) &&
      (!value.fingerprint || run.fingerprint === value.fingerprint) &&
      (!value.from || run.day.slice(0, 10) >= value.from) && (!value.to || run.day.slice(0, 10) <= value.to) &&
      wanted.every((word) => words[index].includes(word)));
    matching = runs.filter((_, index) => isMatching[index]);
  }

  function showCounts() {
    const counts = new Map(VERDICTS.map((verdict) => [verdict, 0]));
    for (const run of matching) counts.set(run.verdict, counts.get(run.verdict) + 1);
    find("counts").replaceChildren(...[...counts].map(([verdict, count]) =>
      make("div", {}, make("dt", {}, verdict), make("dd", {}, make("span", { class: "value" }, String(count))))));
    find("status").textContent = `${matching.length} of ${runs.length} ${runs.length === 1 ? "run" : "runs"} match.`;
  }

  function reportOf(run) {
    if (!(run.report & 1)) return ["no report"];
    if (run.report & 2) return [make("a", { href: `./runs/${run.id}/report.html`, "aria-label": `Report of ${run.id}` }, "report")];
    if (rest.retentionDays && Date.now() / 1000 > run.time + rest.retentionDays * 86400) return ["the report has expired"];
    const parts = [copyable(`dicomperf report ${run.id} --open`)];
    if (rest.bucket && rest.region && !/^(cn|us-gov|us-iso|eu-isoe)/.test(rest.region)) {
      const key = encodeURIComponent(`runs/${run.id}/report.html`);
      const href = `https://${rest.region}.console.aws.amazon.com/s3/object/${rest.bucket}?region=${rest.region}&prefix=${key}`;
      parts.push(" ", make("a", { href, "aria-label": `${run.id} in the console of S3` }, "in S3"));
    }
    return parts;
  }

  function row(run) {
    const box = make("input", { type: "checkbox", "aria-label": `Compare ${run.id}` });
    box.checked = state.selected.includes(run.id);
    box.addEventListener("change", () => {
      state.selected = state.selected.filter((id) => id !== run.id);
      if (box.checked) state.selected = [...state.selected, run.id].slice(-2);
      showRows();
      find("rows").querySelector(`[aria-label="${CSS.escape(`Compare ${run.id}`)}"]`)?.focus();
    });
    const about = run.baselines ? [" ", make("span", { class: "badge neutral" }, `baseline ${run.baselines}`)] : [];
    const error = run.error ? ` ${run.error}` : "";
    return make("tr", {},
      make("th", { scope: "row" }, box, run.name || "(no name)", make("br"), make("code", {}, run.id), ...about),
      make("td", {}, `${run.day.slice(0, 16).replace("T", " ")} UTC`),
      make("td", {}, make("span", { class: `badge ${TONES[run.verdict]}` }, run.verdict), error),
      make("td", {}, run.fingerprint ? make("code", {}, run.fingerprint) : "", make("br"), run.measured),
      make("td", {}, ...reportOf(run)));
  }

  function showRows() {
    const pages = Math.max(1, Math.ceil(matching.length / ROWS));
    state.page = Math.min(state.page, pages - 1);
    find("rows").replaceChildren(...matching.slice(state.page * ROWS, (state.page + 1) * ROWS).map(row));
    find("place").textContent = `Page ${state.page + 1} of ${pages}`;
    find("previous").disabled = state.page === 0;
    find("next").disabled = state.page === pages - 1;
    // The earlier run is the one to compare with, and a later one has a lower place.
    const [a, b] = state.selected.map((id) => runs.findIndex((run) => run.id === id)).sort((a, b) => b - a);
    find("compare").replaceChildren(...(b === undefined
      ? ["Select two runs to compare them."] : [copyable(`dicomperf compare ${runs[a].id} ${runs[b].id}`)]));
  }

  function shapes(one, at, height) {
    const parts = [];
    for (const [start, end, median, low, high, ratio] of one.segments) {
      const [x, far] = [at(start - 0.5), at(end - 0.5)];
      if (low !== null) {
        parts.push(draw("rect", { class: "noise", x, y: height(high), width: far - x, height: Math.max(1, height(low) - height(high)) }));
      }
      parts.push(draw("path", { class: "median", d: `M${x} ${height(median)}H${far}` }));
      if (ratio !== null) {
        parts.push(draw("path", { class: "change", d: `M${x} ${TOP}V${HEIGHT - BOTTOM}` }));
        parts.push(draw("text", { class: "ratio", x: Math.min(x, WIDTH - 40), y: 14, "text-anchor": "middle" }, change(ratio)));
      }
    }
    for (const verdict of VERDICTS) {
      let d = "";
      one.runs.forEach((run, index) => {
        if (isMatching[run] && runs[run].verdict === verdict) d += `M${at(index).toFixed(1)} ${height(one.rates[index]).toFixed(1)}h.01`;
      });
      if (d) parts.push(draw("path", { class: `points ${verdict.replace(" ", "-")}`, d }));
    }
    return parts;
  }

  function table(one, title) {
    const cell = (name, value) => make("td", { class: "n" }, value ?? name);
    const rows = one.segments.map(([start, end, median, low, high, ratio]) => {
      const [first, last] = [runs[one.runs[start]], runs[one.runs[end - 1]]];
      const before = ratio === null ? null : runs[one.runs[start - 1]];
      return make("tr", {},
        make("th", { scope: "row" }, make("code", {}, first.id), " to ", make("code", {}, last.id)),
        cell("", String(end - start)), cell("", figure(median)),
        cell("", low === null ? "unknown" : `${figure(low)}–${figure(high)}`),
        cell("", ratio === null ? "" : change(ratio)),
        make("td", {}, ...(before ? [copyable(`dicomperf compare ${before.id} ${first.id}`)] : [])));
    });
    const head = ["Runs", "Number", "Median instances/s", "Noise", "Change", "Around the change"];
    return make("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": `Segments of ${title}` },
      make("table", {}, make("caption", {}, "Runs without a change among them"),
        make("thead", {}, make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name)))),
        make("tbody", {}, ...rows)));
  }

  function chart(one, number) {
    const count = one.runs.length;
    let [low, high] = [Infinity, 0];
    for (const rate of one.rates) { low = Math.min(low, rate); high = Math.max(high, rate); }
    for (const [, , , least, most] of one.segments) if (least !== null) { low = Math.min(low, least); high = Math.max(high, most); }
    const margin = (high - low) * 0.06 || high * 0.05 || 1;
    [low, high] = [low - margin, high + margin];
    const at = (index) => LEFT + ((index + 0.5) / count) * (WIDTH - LEFT - RIGHT);
    const height = (value) => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM);
    const latest = runs[one.runs[count - 1]];
    const title = text(one.settings);
    const changes = one.segments.length - 1;
    const said = `${latest.measured}. ${count} ${count === 1 ? "run" : "runs"}, ` +
      `${changes} ${changes === 1 ? "change point" : "change points"}; last ${figure(one.rates[count - 1])} instances/s.`;
    const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}, ${text(one.fingerprint)}: ${said}` });
    for (const share of [0, 0.5, 1]) {
      const value = low + margin + (high - low - 2 * margin) * share;
      svg.append(draw("path", { class: "grid", d: `M${LEFT} ${height(value)}H${WIDTH - RIGHT}` }));
      svg.append(draw("text", { x: LEFT - 6, y: height(value) + 4, "text-anchor": "end" }, figure(value)));
    }
    svg.append(...shapes(one, at, height));
    svg.append(draw("text", { x: LEFT, y: HEIGHT - 6 }, runs[one.runs[0]].day.slice(0, 10)));
    if (count > 1) svg.append(draw("text", { x: WIDTH - RIGHT, y: HEIGHT - 6, "text-anchor": "end" }, latest.day.slice(0, 10)));
    const readout = make("p", { class: "readout" });
    svg.addEventListener("pointermove", (event) => {
      const { left, width } = svg.getBoundingClientRect();
      const place = (((event.clientX - left) / width) * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT);
      const index = Math.min(count - 1, Math.max(0, Math.floor(place * count)));
      const run = runs[one.runs[index]];
      const late = one.p95[index] === null ? "" : `, p95 ${figure(one.p95[index])} ms`;
      readout.textContent = `${run.day.slice(0, 16).replace("T", " ")} ${run.id}: ${figure(one.rates[index])} instances/s${late}, ${run.verdict}`;
    });
    const used = VERDICTS.filter((verdict) => one.runs.some((run) => runs[run].verdict === verdict));
    const legend = make("span", { class: "legend" }, ...used.map((verdict) =>
      make("span", {}, make("i", { class: `dot ${verdict.replace(" ", "-")}`, "aria-hidden": "true" }), verdict)));
    const details = make("details", {}, make("summary", {}, "Figures of this chart"));
    details.append(table(one, `${title}, chart ${number + 1}`));
    return make("figure", {}, make("figcaption", {}, make("strong", {}, title), make("span", {}, said), legend), svg, readout, details);
  }

  function showCharts() {
    const shown = series.filter((one) => one.runs.some((run) => isMatching[run]));
    find("charts").replaceChildren(...shown.slice(0, state.charts).map(chart));
    const left = shown.length - state.charts;
    find("more").hidden = left <= 0;
    find("more").textContent = `More charts (${left} are left)`;
  }

  function remember() {
    const values = new URLSearchParams(FILTERS.map((id) => [id, find(id).value]).filter(([, value]) => value));
    if (state.page) values.set("page", String(state.page + 1));
    const fragment = values.toString();
    history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname + location.search);
  }

  function show() {
    filter();
    showCounts();
    showCharts();
    showRows();
  }

  function recall() {
    const fragment = location.hash.slice(1);
    // A link to a place of the page is no filter.
    if (fragment && !fragment.includes("=")) return;
    const values = new URLSearchParams(fragment);
    for (const id of FILTERS) find(id).value = values.get(id) ?? "";
    state.page = Math.max(0, (Number.parseInt(values.get("page"), 10) || 1) - 1);
  }

  function offer(id, values) {
    const counts = new Map();
    for (const value of values) if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
    const frequent = [...counts].sort((a, b) => b[1] - a[1]).slice(0, OPTIONS).map(([value]) => value).sort();
    find(id).append(...frequent.map((value) => make("option", { value }, value)));
  }

  offer("name", runs.map((run) => run.name));
  offer("verdict", VERDICTS);
  offer("fingerprint", runs.map((run) => run.fingerprint));
  recall();
  show();
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  const refilter = () => { state.page = 0; state.charts = CHARTS; show(); remember(); };
  find("filters").addEventListener("input", refilter);
  // The form empties its fields after this event.
  find("filters").addEventListener("reset", () => setTimeout(refilter));
  const turn = (pages) => () => { state.page += pages; showRows(); remember(); };
  find("previous").addEventListener("click", turn(-1));
  find("next").addEventListener("click", turn(1));
  find("more").addEventListener("click", () => { state.charts += CHARTS; showCharts(); });
  addEventListener("hashchange", () => { recall(); show(); });
})();
