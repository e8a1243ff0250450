// The report: reads the document in the page and builds the page from it, verdict first.
import "./style.css";
import { distributionChart, joined, TimeCharts, type ChartOptions } from "./charts";
import { distribution, telemetryGroups, timeSpan } from "./data";
import { bytes, count, inUnit, moment, seconds, short } from "./format";
import type { Figures, Group, Result } from "./result";

type Child = Node | string;

function element(tag: string, attributes: Record<string, string> = {}, ...children: Child[]): HTMLElement {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function table(head: string[], rows: Child[][]): HTMLElement {
  const cells = (tag: string) => (cell: Child) => element(tag, {}, cell);
  return element("div", { class: "scroll" }, element("table", {},
    element("thead", {}, element("tr", {}, ...head.map(cells("th")))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cells("td")))))));
}

function section(title: string, ...children: Child[]): HTMLElement {
  return element("section", {}, element("h2", {}, title), ...children);
}

const nothing = (text: string) => element("p", { class: "nothing" }, text);

function verdict(result: Result): HTMLElement {
  const { experiment } = result;
  const mark = { VALID: "✓", SUSPECT: "!", INVALID: "✗" }[result.verdict.value];
  const loop = { open: "open loop", closed: "closed loop", mixed: "open and closed loop" }[result.mode];
  return element("header", { class: `verdict ${result.verdict.value.toLowerCase()}` },
    element("div", { class: "mark", "aria-hidden": "true" }, mark),
    element("div", {},
      element("h1", {}, experiment.name || experiment.id),
      element("p", { class: "word" }, result.verdict.value),
      element("ul", {}, ...result.verdict.reasons.map((reason) => element("li", {}, reason))),
      element("p", { class: "soft" },
        [experiment.id, experiment.creator && `by ${experiment.creator}`, moment(experiment.start),
          seconds(experiment.duration_s), loop, experiment.status].filter(Boolean).join(" · "))));
}

function thresholds(result: Result): HTMLElement {
  if (result.thresholds.length === 0) return section("Thresholds", nothing("The experiment has none."));
  return section("Thresholds", table(["", "threshold", "measured"], result.thresholds.map((one) => [
    element("span", { class: one.passed ? "good" : "bad" }, one.passed ? "✓ held" : "✗ crossed"),
    element("code", {}, one.expression), inUnit(one.value, one.unit)])));
}

function keyFigures(result: Result): HTMLElement {
  const total = result.ledger.intended;
  const bad = total - result.ledger.answered;
  const tile = (name: string, value: string, more: string) => element("div", { class: "tile" },
    element("div", { class: "name" }, name), element("div", { class: "value" }, value),
    element("div", { class: "soft" }, more));
  return element("div", { class: "tiles" },
    tile("requests", count(total), `${count(bad)} failed or not sent`),
    tile("achieved", `${short(result.rate.achieved_rps)}/s`, `offered ${short(result.rate.offered_rps)}/s`),
    tile("latency p50", seconds(result.latency_s.p50), `mean ${seconds(result.latency_s.mean)}`),
    tile("latency p99", seconds(result.latency_s.p99), `max ${seconds(result.latency_s.max)}`),
    tile("dispatch error p99", result.dispatch_error_s.count > 0 ? seconds(result.dispatch_error_s.p99) : "–",
      "how late requests went out"),
    tile("generator", `${short(result.generator.cpu_per_request_us)} µs`,
      `CPU a request; ${bytes(result.generator.rss_max_bytes)} memory`));
}

function times(result: Result): HTMLElement {
  const row = (name: string, f: Figures): Child[] => [name, ...(f.count === 0
    ? Array(9).fill("–")
    : [f.min, f.mean, f.stddev, f.p50, f.p90, f.p95, f.p99, f.p999, f.max].map(seconds))];
  return section("Times",
    table(["", "min", "mean", "std dev", "p50", "p90", "p95", "p99", "p99.9", "max"], [
      row("latency (from due to answered)", result.latency_s),
      row("service time (from sent)", result.service_time_s),
      row("dispatch error (due to sent)", result.dispatch_error_s)]));
}

function chart(charts: TimeCharts, parent: HTMLElement, title: string, options: ChartOptions) {
  const holder = element("div", { class: "chart" });
  parent.append(element("h3", {}, title), holder);
  charts.add(holder, options);
}

function drawLoad(result: Result, charts: TimeCharts, parent: HTMLElement, log: boolean) {
  const s = result.series;
  if (s.t_s.length === 0) return void parent.append(nothing("No request was recorded."));
  // A rate or percentile belongs to the middle of its stretch of time.
  const x = s.t_s.map((t) => t + s.width_s / 2);
  const positive = (values: (number | null)[]) => (log ? values.map((v) => (v !== null && v > 0 ? v : null)) : values);
  chart(charts, parent, "Latency", {
    unit: "s", x, log, height: 260, bands: [[3, 2], [2, 1], [1, 0]],
    lines: [{ label: "p50", values: positive(s.p50) }, { label: "p90", values: positive(s.p90) },
      { label: "p99", values: positive(s.p99) }, { label: "max", values: positive(s.max) }] });
  chart(charts, parent, "Rate", { unit: "rps", x, lines: [
    { label: "offered", values: s.offered, dash: true }, { label: "sent", values: s.sent },
    { label: "achieved", values: s.achieved, fill: true }] });
  chart(charts, parent, "Errors and requests in flight", { unit: "", x, height: 160, lines: [
    { label: "failed a second", values: s.failed, fill: true }, { label: "in flight", values: s.in_flight }] });
  if (s.dispatch_p99.some((value) => value !== null))
    chart(charts, parent, "Dispatch error", { unit: "s", x, height: 160,
      lines: [{ label: "p99", values: s.dispatch_p99, fill: true }] });
}

function drawTelemetry(result: Result, charts: TimeCharts, parent: HTMLElement) {
  const groups = telemetryGroups(result.telemetry);
  if (groups.length === 0) parent.append(nothing("No telemetry was recorded."));
  const grid = element("div", { class: "grid" });
  parent.append(grid);
  // All cells first: a chart takes the width that its cell has when it is drawn.
  const cells = groups.map(() => element("div"));
  grid.append(...cells);
  groups.forEach((group, i) => {
    const cell = cells[i];
    const { x, values } = joined(group.lines);
    chart(charts, cell, group.title, { unit: group.unit, x, height: 170,
      lines: group.lines.map((line, n) => ({ label: line.label, values: values[n] })) });
  });
}

function books(result: Result): HTMLElement {
  const l = result.ledger;
  const sum = (reasons: Record<string, number>) => Object.values(reasons).reduce((a, b) => a + b, 0);
  const list = (reasons: Record<string, number>) =>
    Object.entries(reasons).map(([name, n]) => `${name} ${count(n)}`).join(", ") || "–";
  const codes = Object.entries(result.status_codes).map(([code, n]) => `${code}: ${count(n)}`).join(", ");
  return section("Ledger",
    table(["what", "is", "the sum of", "reasons"], [
      ["intended", count(l.intended), `sent ${count(l.sent)} + not sent ${count(sum(l.not_sent))}`, list(l.not_sent)],
      ["sent", count(l.sent), `answered ${count(l.answered)} + failed ${count(sum(l.failed))} + in flight at the end ${count(l.in_flight_at_end)}`, list(l.failed)],
      ["traces", count(l.traces.made), `stored ${count(l.traces.stored)} + spooled ${count(l.traces.spooled)} + lost ${count(l.traces.lost)}`, "–"]]),
    element("p", { class: l.balanced ? "good" : "bad" }, l.balanced ? "✓ The books balance." : "✗ The books don't balance."),
    element("p", { class: "soft" }, [codes && `status codes ${codes}`, l.retried > 0 && `${count(l.retried)} sent again after an idle connection had been closed`,
      l.warmup ? `${count(l.warmup)} in the warm-up, left out of the statistics` : ""].filter(Boolean).join("; ")));
}

function groups(title: string, rows: Group[]): Child[] {
  if (rows.length === 0) return [];
  return [section(title, table(["name", "answered", "failed", "mean", "p50", "p99", "max"], rows.map((row) => [
    row.name || "(none)", count(row.answered), count(row.failed), seconds(row.latency_s.mean),
    seconds(row.latency_s.p50), seconds(row.latency_s.p99), seconds(row.latency_s.max)])))];
}

function provenance(result: Result): HTMLElement {
  const p = result.provenance;
  const g = result.generator;
  const rows: [string, string][] = [["seed", String(p.seed)], ["galileo", p.galileo_version],
    ["command", p.command.join(" ")], ["file", p.file_path], ["database", p.database], ["spool", p.spool],
    ["generator", `${g.threads} event loops, ${g.cpu_s.toFixed(2)} s CPU, busiest loop ${Math.round(g.busiest_loop_pct)} %`],
    ...Object.entries(p.host)];
  const details = (name: string, text: string) => element("details", {}, element("summary", {}, name), element("pre", {}, text));
  const parts: Child[] = [table(["what", "value"], rows.filter(([, value]) => value).map(([key, value]) => [key, value]))];
  if (p.file_text) parts.push(details("the experiment file", p.file_text));
  if (p.plan) parts.push(details("the plan it expands to", JSON.stringify(p.plan, null, 2)));
  return section("Where it comes from", ...parts);
}

function build(result: Result) {
  const report = document.getElementById("report")!;
  document.title = `${result.experiment.name || result.experiment.id} · Galileo`;
  const span = timeSpan(result);
  const shades = result.phases.map((phase) => ({ start: phase.start_s, end: phase.end_s, name: phase.name, warmup: phase.warmup }));
  const charts = new TimeCharts(span, shades);
  const load = element("div");
  const machine = element("div");
  const spread = element("div", { class: "chart" });
  const log = element("input", { type: "checkbox", id: "log" }) as HTMLInputElement;
  const switchLog = element("label", { class: "switch" }, log, " logarithmic latency");
  const phases = result.phases.length > 1 || shades.some((shade) => shade.warmup)
    ? [element("p", { class: "soft" }, "phases: " + result.phases.map((phase) =>
      `${phase.name} ${seconds(phase.start_s)}–${seconds(phase.end_s)}`).join(", "))] : [];
  report.replaceChildren(verdict(result), keyFigures(result),
    ...result.notes.map((note) => element("p", { class: "note" }, note)),
    thresholds(result), times(result),
    section("Over time", element("p", { class: "soft" }, "Drag to zoom all charts, double-click to see all again."),
      ...phases, switchLog, load),
    section("How latencies are spread", spread),
    section("Telemetry", machine),
    books(result), ...groups("Services", result.services), ...groups("Servers", result.servers),
    ...groups("Phases", result.phases), provenance(result),
    element("footer", { class: "soft" }, `Made by galileo ${result.provenance.galileo_version}.`));
  let histogram: { destroy(): void } | undefined;
  const draw = () => {
    charts.clear();
    histogram?.destroy();
    load.replaceChildren();
    machine.replaceChildren();
    spread.replaceChildren();
    drawLoad(result, charts, load, log.checked);
    drawTelemetry(result, charts, machine);
    const { x, share, cdf } = distribution(result.histogram);
    if (x.length > 1) histogram = distributionChart(spread, x, share, cdf);
    else spread.append(nothing("There are too few answers to show."));
  };
  draw();
  log.addEventListener("change", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let pending = 0;
  addEventListener("resize", () => { clearTimeout(pending); pending = window.setTimeout(draw, 150); });
}

build(JSON.parse(document.getElementById("result")!.textContent!) as Result);
