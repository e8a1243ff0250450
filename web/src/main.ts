// The report: reads the document in the page and builds the page from it, verdict first.
import "./style.css";
import { distributionChart, joined, TimeCharts, type ChartOptions, type EventMark } from "./charts";
import { chartMarks, kindOf, replicas, weights, type MarkKind } from "./cluster";
import { events, hops, leftOut, metadata, placement, pods } from "./cluster_parts";
import { distribution, telemetryGroups, timeSpan, type TelemetryGroup } from "./data";
import { element, nothing, section } from "./dom";
import { seconds } from "./format";
import { checks, groups, keyFigures, ledger, phases, provenance, thresholds, times, verdict } from "./parts";
import type { Result } from "./result";

function chart(charts: TimeCharts, parent: HTMLElement, options: ChartOptions) {
  const holder = element("div", { class: "chart", role: "img", "aria-label": `chart: ${options.title}` });
  parent.append(element("h3", {}, options.title), holder);
  charts.add(holder, options);
}

const markColours: Record<MarkKind, string> = { begins: "good", ends: "bad", weights: "line3",
  changes: "line1", other: "soft" };
const markWords: Record<MarkKind, string> = { begins: "a pod runs", ends: "a pod ends, or something fails",
  weights: "weights change", changes: "the run changes its cluster", other: "other events" };

// What matters most is drawn last, so that nothing lies on it.
function eventMarks(result: Result): EventMark[] {
  const order: MarkKind[] = ["other", "weights", "begins", "ends", "changes"];
  return [...chartMarks(result)].sort((a, b) => order.indexOf(kindOf(a)) - order.indexOf(kindOf(b)))
    .map((mark) => ({ at: mark.t_s, name: mark.name, text: mark.text, colour: markColours[kindOf(mark)] }));
}

/** What the marks' colours mean: those that are there. */
function markLegend(result: Result): HTMLElement[] {
  const kinds = new Set(chartMarks(result).map(kindOf));
  if (kinds.size === 0) return [];
  const shown = (Object.keys(markWords) as MarkKind[]).filter((kind) => kinds.has(kind));
  return [element("p", { class: "marks" }, "▼ ", ...shown.map((kind) => {
    const swatch = element("span", { class: "swatch" });
    swatch.style.background = `var(--${markColours[kind]})`;
    return element("span", {}, swatch, markWords[kind]);
  }))];
}

function drawLatency(result: Result, charts: TimeCharts, parent: HTMLElement, x: number[], log: boolean) {
  const s = result.series;
  if (!s.max.some((value) => value !== null)) {
    parent.append(element("h3", {}, "Latency"), nothing("No request was answered: there are no latencies."));
    return;
  }
  // A logarithmic axis has no place for zero.
  const fit = (values: (number | null)[]) =>
    (log ? values.map((value) => (value !== null && value > 0 ? value : null)) : values);
  chart(charts, parent, {
    title: "Latency of the answers", unit: "s", x, log, height: 280, names: true, events: eventMarks(result), bands: [[3, 2], [2, 1], [1, 0]],
    lines: [{ label: "p50", values: fit(s.p50), colour: "p50" }, { label: "p90", values: fit(s.p90), colour: "p90" },
      { label: "p99", values: fit(s.p99), colour: "p99" }, { label: "max", values: fit(s.max), colour: "max" }] });
  parent.append(...markLegend(result));
}

function drawCluster(result: Result, charts: TimeCharts, parent: HTMLElement) {
  if (result.cluster === null) return;
  const [, end] = timeSpan(result);
  const drawn = [...replicas(result.cluster, end).map((one) => ({ ...one, unit: "", left_out: 0 })),
    ...weights(result.cluster, end).map((one) => ({ ...one, unit: "" }))];
  // All cells first: a chart takes the width that its cell has when it is drawn.
  const cells = drawn.map(() => element("div"));
  parent.append(element("div", { class: "grid" }, ...cells));
  drawn.forEach((one, i) => {
    chart(charts, cells[i], { title: one.title, unit: one.unit, x: one.steps.x, height: 170, stepped: true,
      lines: one.steps.lines, events: eventMarks(result) });
    if (one.left_out > 0)
      cells[i].append(element("p", { class: "soft" }, `${one.left_out} further targets are left out.`));
  });
}

function drawLoad(result: Result, charts: TimeCharts, parent: HTMLElement, log: boolean) {
  const s = result.series;
  if (s.t_s.length === 0) return void parent.append(nothing("No request was recorded."));
  // A rate or percentile belongs to the middle of its stretch of time.
  const x = s.t_s.map((t) => t + s.width_s / 2);
  drawLatency(result, charts, parent, x, log);
  chart(charts, parent, { title: "Requests a second", unit: "rps", x, names: true, lines: [
    { label: "achieved", values: s.achieved, fill: true, colour: "line2" },
    { label: "sent", values: s.sent, colour: "line0" },
    { label: "offered", values: s.offered, dash: true, colour: "line1" }] });
  if (s.failed.some((value) => value > 0))
    chart(charts, parent, { title: "Failed a second", unit: "rps", x, height: 150,
      lines: [{ label: "failed", values: s.failed, fill: true, colour: "bad" }] });
  else
    parent.append(element("h3", {}, "Failed a second"), nothing("No request failed."));
  chart(charts, parent, { title: "Requests in flight", unit: "", x, height: 150,
    lines: [{ label: "in flight", values: s.in_flight, fill: true }] });
  if (s.dispatch_p99.some((value) => value !== null))
    chart(charts, parent, { title: "Scheduling delay: how late requests went out", unit: "s", x, height: 150,
      lines: [{ label: "p99", values: s.dispatch_p99, fill: true, colour: "p99" }] });
  else
    parent.append(element("h3", {}, "Scheduling delay"), nothing("A closed loop has no due times to be late for."));
}

function drawGroup(group: TelemetryGroup, charts: TimeCharts, cell: HTMLElement) {
  const { x, values } = joined(group.lines);
  const lines = group.lines.map((line, i) => ({ label: line.label, values: values[i],
    dash: group.mean_and_max && i === 1, colour: group.mean_and_max ? "line0" : undefined }));
  chart(charts, cell, { title: group.title, unit: group.unit, x, height: 170, lines,
    bands: group.mean_and_max ? [[1, 0]] : [] });
  if (group.left_out > 0)
    cell.append(element("p", { class: "soft" }, `${group.left_out} further lines are left out.`));
}

function drawTelemetry(result: Result, charts: TimeCharts, parent: HTMLElement) {
  const found = telemetryGroups(result.telemetry);
  if (found.length === 0) return void parent.append(nothing("No telemetry was recorded."));
  // All cells first: a chart takes the width that its cell has when it is drawn.
  const cells = found.map(() => element("div"));
  parent.append(element("div", { class: "grid" }, ...cells));
  found.forEach((group, i) => drawGroup(group, charts, cells[i]));
  if (!result.telemetry.some((row) => row.metric.startsWith("process_")))
    parent.append(nothing("No process was watched."));
}

function drawSpread(result: Result, parent: HTMLElement): { destroy(): void } | undefined {
  const data = distribution(result.histogram);
  if (data === null) {
    parent.append(nothing("No request was answered: there are no latencies."));
    return undefined;
  }
  const f = result.latency_answered_s;
  const marks = [["p50", f.p50], ["p90", f.p90], ["p99", f.p99], ["p99.9", f.p999]] as [string, number | null][];
  return distributionChart(parent, data,
    marks.flatMap(([name, at]) => (at === null ? [] : [{ name, at }])));
}

function build(result: Result) {
  document.title = `${result.experiment.name || result.experiment.id} · Galileo`;
  const shades = result.phases.map((phase) =>
    ({ start: phase.start_s, end: phase.end_s, name: phase.name, warmup: phase.warmup }));
  const load = element("div"), machine = element("div"), cluster = element("div");
  const spread = element("div", { class: "chart", role: "img", "aria-label": "chart: latency distribution" });
  const log = element("input", { type: "checkbox", id: "log" }) as HTMLInputElement;
  const looked = element("span", { id: "looked" });
  const all = element("button", { type: "button", id: "all", hidden: "" }, "show all");
  const charts = new TimeCharts(timeSpan(result), shades, (view) => {
    looked.textContent = view ? `${seconds(view[0])} to ${seconds(view[1])}` : "";
    all.toggleAttribute("hidden", view === null);
  });
  document.getElementById("report")!.replaceChildren(
    verdict(result), ...result.notes.map((note) => element("p", { class: "note" }, note)),
    keyFigures(result), thresholds(result), ...checks(result), times(result),
    section("Over time",
      element("p", { class: "soft" }, "Drag over a chart to zoom all of them, double-click to see all again" +
        (shades.some((shade) => shade.warmup) ? "; the warm-up is shaded and left out of the statistics." : ".")),
      element("div", { class: "bar" }, element("label", {}, log, " logarithmic latency"), looked, all), load),
    section("Latency distribution of the answers", spread),
    ...(result.cluster === null ? []
      : [section("Cluster", ...placement(result.cluster), cluster, ...hops(result.cluster),
        ...leftOut(result.cluster), ...pods(result.cluster))]),
    section("Telemetry", machine), ...events(result), ledger(result),
    ...(result.phases.length > 1 ? [phases(result)] : []),
    ...(result.steps && result.steps.length > 0 ? [groups("Steps", result.steps, "")] : []),
    groups("Services", result.services, "No request belongs to a service."),
    groups("Servers", result.servers, "No request reached a server."), ...metadata(result), provenance(result),
    element("footer", { class: "soft" }, `Made by galileo ${result.provenance.galileo_version}. ` +
      "The whole document is in this page, as JSON in the element #result."));
  let histogram: { destroy(): void } | undefined;
  const draw = () => {
    charts.clear();
    histogram?.destroy();
    for (const place of [load, machine, spread, cluster]) place.replaceChildren();
    drawLoad(result, charts, load, log.checked);
    histogram = drawSpread(result, spread);
    drawCluster(result, charts, cluster);
    drawTelemetry(result, charts, machine);
  };
  draw();
  all.addEventListener("click", () => charts.showAll());
  log.addEventListener("change", draw);
  redrawWhenNeeded(draw);
}

// Charts are pictures: other colours or another width need other pictures.
function redrawWhenNeeded(draw: () => void) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let width = innerWidth;
  let pending = 0;
  addEventListener("resize", () => {
    if (innerWidth === width) return;  // a phone's bars come and go
    width = innerWidth;
    clearTimeout(pending);
    pending = window.setTimeout(draw, 150);
  });
  const printing = (on: boolean) => {
    document.documentElement.classList.toggle("printing", on);
    draw();
  };
  addEventListener("beforeprint", () => printing(true));
  addEventListener("afterprint", () => printing(false));
}

build(JSON.parse(document.getElementById("result")!.textContent!) as Result);
