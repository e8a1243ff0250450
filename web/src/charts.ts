// Charts by uPlot: one time axis for all of them, cursors and zoom together, colours from the page's
// style so that light, dark and paper all work. The only module that knows uPlot. A live page feeds
// the charts that TimeCharts.add() returns with setData().
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { logTicks, type Distribution } from "./data";
import { inUnit, seconds, tick } from "./format";

export type Values = (number | null)[];
export interface Line {
  label: string;
  values: Values;
  colour?: string;  // a name in the style, as "p50" for --p50; the next of eight where not given
  fill?: boolean;
  dash?: boolean;
}
export interface Shade { start: number; end: number; name: string; warmup: boolean }
export interface Mark { at: number; name: string }
/** An event: a line through the chart, with a word where there is room, and all of it by the cursor. */
export interface EventMark { at: number; name: string; text: string; colour: string }

export interface ChartOptions {
  title: string;
  unit: string;  // "s", "rps", "bytes", "B/s", "%", ...
  lines: Line[];
  x: number[];
  bands?: [number, number][];  // pairs of lines with the space between filled
  log?: boolean;
  height?: number;
  names?: boolean;  // write the phases' names in
  events?: EventMark[];
  stepped?: boolean;  // a value holds until the next one
}

const kFont = "12px system-ui, sans-serif";
const kAxisWidth = 80;  // the same for all, so that times lie below each other
const kTimeSteps = [1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300,
  600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
const kByteSteps = Array.from({ length: 50 }, (_, power) => 2 ** power);

function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function colourOf(line: Line, i: number): string {
  return css(line.colour ?? `line${i % 8}`);
}

function axis(): uPlot.Axis {
  const grid = { stroke: css("grid"), width: 1 };
  return { stroke: css("soft"), grid, ticks: grid, font: kFont };
}

function valueAxis(unit: string): uPlot.Axis {
  const steps = unit === "bytes" || unit === "B/s" ? { incrs: kByteSteps } : {};
  return { ...axis(), ...steps, size: kAxisWidth, values: (_u, ticks) => ticks.map((value) => tick(value, unit)) };
}

function seriesOf(line: Line, i: number, unit: string, stepped: boolean): uPlot.Series {
  const colour = colourOf(line, i);
  return {
    label: line.label, stroke: colour, width: 1.5, spanGaps: false,
    dash: line.dash ? [5, 4] : undefined,
    fill: line.fill ? colour + "26" : undefined,
    ...(stepped ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
    points: stepped ? { show: false } : line.values.length < 3 ? { show: true } : { size: 4, filter: lonely },
    value: (_u, value) => (value === null || value === undefined ? "" : inUnit(value, unit)),
  };
}

// A value between two gaps has no line through it: it becomes a point. Undefined is no gap but a
// time that another line has.
function lonely(u: uPlot, series: number, show: boolean): number[] | null {
  if (show) return null;
  const values = u.data[series];
  const known: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] !== undefined) known.push(i);
  const gap = (i: number | undefined) => i === undefined || values[i] === null;
  return known.filter((at, i) => values[at] !== null && gap(known[i - 1]) && gap(known[i + 1]));
}

// The events under the cursor, and how many more there are.
function nearest(u: uPlot, events: EventMark[]): EventMark[] {
  const kEvents = 6;
  const left = u.cursor.left ?? -1;
  const found = events.filter((mark) => Math.abs(u.valToPos(mark.at, "x") - left) <= 4)
    .sort((a, b) => a.at - b.at);
  if (found.length <= kEvents) return found;
  return [...found.slice(0, kEvents),
    { at: 0, name: `and ${found.length - kEvents} more`, text: "", colour: "soft" }];
}

/** What is under the cursor, in words, beside it. */
function tooltip(head: (x: number) => string, events: EventMark[] = []): uPlot.Plugin {
  const box = document.createElement("div");
  box.className = "tip";
  let here = false;
  function fill(u: uPlot, index: number) {
    const rows = u.series.slice(1).map((series, i) => {
      const value = u.data[i + 1][index];
      const row = document.createElement("div");
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.background = String(typeof series.stroke === "function" ? series.stroke(u, i + 1) : series.stroke);
      const number = document.createElement("b");
      const text = typeof series.value === "function" ? series.value(u, value as number, i + 1, index) : "";
      number.textContent = String(text) || "–";
      row.append(swatch, `${series.label} `, number);
      return series.show ? row : null;
    });
    const title = document.createElement("div");
    title.textContent = head(u.data[0][index]);
    const near = nearest(u, events).map((mark) => {
      const row = document.createElement("div");
      row.className = "event";
      row.style.color = css(mark.colour);
      row.textContent = `${mark.name} ${mark.text}`.slice(0, 90);
      return row;
    });
    box.replaceChildren(title, ...near, ...rows.filter((row): row is HTMLDivElement => row !== null));
  }
  return {
    hooks: {
      init: [(u) => {
        u.over.append(box);
        u.over.addEventListener("mouseenter", () => { here = true; });
        u.over.addEventListener("mouseleave", () => { here = false; box.style.display = "none"; });
      }],
      setCursor: [(u) => {
        const { idx, left } = u.cursor;
        const shown = here && idx != null && left != null && left >= 0;
        box.style.display = shown ? "block" : "none";
        if (!shown) return;
        fill(u, idx);
        const room = u.over.clientWidth;
        const x = left + 14 + box.offsetWidth > room ? left - 14 - box.offsetWidth : left + 14;
        box.style.left = `${Math.max(0, x)}px`;
      }],
    },
  };
}

/** Several charts over the same time. Keeps what is looked at when the charts are drawn anew. */
export class TimeCharts {
  private charts: uPlot[] = [];
  private view: [number, number];
  private zooming = false;

  /** `onView` is told what part of the span is looked at; null is all of it. */
  constructor(private span: [number, number], private readonly shades: Shade[],
    private readonly onView: (view: [number, number] | null) => void) {
    this.view = span;
  }

  clear() {
    for (const chart of this.charts) chart.destroy();
    this.charts = [];
  }

  add(parent: HTMLElement, options: ChartOptions): uPlot {
    const chart = new uPlot(
      {
        width: parent.clientWidth || 600,
        height: options.height ?? 200,
        cursor: { sync: { key: "time", setSeries: false }, drag: { x: true, y: false },
          bind: { dblclick: () => () => { this.show(this.span); return null; } } },
        scales: {
          x: { time: false, range: (_u, min, max) => (min === null ? this.span : [min, max]) },
          y: options.log ? { distr: 3 } : { range: (_u, _min, max) => [0, (max || 1) * 1.08] },
        },
        axes: [
          { ...axis(), incrs: kTimeSteps, space: 64, values: (_u, ticks) => ticks.map((value) => tick(value, "s")) },
          valueAxis(options.unit),
        ],
        series: [
          { label: "time", value: (_u, value) => (value == null ? "" : `at ${seconds(value)}`) },
          ...options.lines.map((line, i) => seriesOf(line, i, options.unit, options.stepped ?? false)),
        ],
        bands: (options.bands ?? []).map(([upper, lower]) => ({
          series: [upper + 1, lower + 1] as [number, number], fill: colourOf(options.lines[upper], upper) + "26",
        })),
        plugins: [tooltip((x) => `at ${seconds(x)}`, options.events)],
        hooks: {
          draw: [(u) => drawEvents(u, options.events ?? [])],
          drawClear: [(u) => this.shade(u, options.names ?? false)],
          setScale: [(u, key) => { if (key === "x") this.zoomed(u); }],
        },
      },
      [options.x, ...options.lines.map((line) => line.values)] as uPlot.AlignedData,
      parent,
    );
    this.charts.push(chart);
    const [min, max] = this.view;
    this.quietly(() => chart.setScale("x", { min, max }));
    return chart;
  }

  /** Looks at a part of the span in all charts. */
  show(view: [number, number]) {
    const [min, max] = view;
    this.view = view;
    this.quietly(() => { for (const chart of this.charts) chart.setScale("x", { min, max }); });
    const whole = min <= this.span[0] && max >= this.span[1];
    this.onView(whole ? null : view);
  }

  showAll() { this.show(this.span); }

  /** A live run has become longer: charts that show all of it go on to do so. */
  grow(span: [number, number]) {
    const [min, max] = this.view;
    const whole = min <= this.span[0] && max >= this.span[1];
    this.span = span;
    if (whole) this.show(span);
  }

  private quietly(change: () => void) {
    this.zooming = true;
    change();
    this.zooming = false;
  }

  // What one chart is zoomed to, all are.
  private zoomed(from: uPlot) {
    const { min, max } = from.scales.x;
    if (min == null || max == null) return;
    from.root.dataset.view = `${min} ${max}`;
    if (this.zooming || !this.charts.includes(from)) return;
    if (min !== this.view[0] || max !== this.view[1]) this.show([min, max]);
  }

  // Phases as stripes behind the lines, warm-up darker.
  private shade(u: uPlot, names: boolean) {
    const { ctx, bbox } = u;
    const scale = devicePixelRatio || 1;
    ctx.save();
    ctx.font = `${11 * scale}px system-ui, sans-serif`;
    ctx.textBaseline = "top";
    this.shades.forEach((shade, i) => {
      const left = Math.max(u.valToPos(shade.start, "x", true), bbox.left);
      const right = Math.min(u.valToPos(shade.end, "x", true), bbox.left + bbox.width);
      if (right <= left) return;
      if (shade.warmup || i % 2 === 1) {
        ctx.fillStyle = css(shade.warmup ? "warmup" : "stripe");
        ctx.fillRect(left, bbox.top, right - left, bbox.height);
      }
      if (!names || this.shades.length < 2 || ctx.measureText(shade.name).width > right - left - 8 * scale) return;
      ctx.fillStyle = css("soft");
      ctx.fillText(shade.name, left + 4 * scale, bbox.top + 3 * scale);
    });
    ctx.restore();
  }
}

// A line an event, and a triangle at its head. Lines that would lie on one another are drawn once.
function drawEvents(u: uPlot, events: EventMark[]) {
  const { ctx, bbox } = u;
  const scale = devicePixelRatio || 1;
  const drawn = new Set<string>();
  ctx.save();
  ctx.lineWidth = scale;
  for (const mark of events) {
    const x = Math.round(u.valToPos(mark.at, "x", true));
    if (!(x >= bbox.left && x <= bbox.left + bbox.width) || drawn.has(`${x} ${mark.colour}`)) continue;
    drawn.add(`${x} ${mark.colour}`);
    ctx.strokeStyle = ctx.fillStyle = css(mark.colour);
    ctx.globalAlpha = 0.55;
    ctx.setLineDash([2 * scale, 3 * scale]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(x - 4 * scale, bbox.top - 1);
    ctx.lineTo(x + 4 * scale, bbox.top - 1);
    ctx.lineTo(x, bbox.top + 7 * scale);
    ctx.fill();
  }
  ctx.restore();
}

// Dashed lines with names where the percentiles are.
function drawMarks(u: uPlot, marks: Mark[]) {
  const { ctx, bbox } = u;
  const scale = devicePixelRatio || 1;
  ctx.save();
  ctx.font = `${11 * scale}px system-ui, sans-serif`;
  ctx.textBaseline = "top";
  ctx.strokeStyle = ctx.fillStyle = css("soft");
  ctx.setLineDash([4 * scale, 4 * scale]);
  marks.forEach((mark, i) => {
    const x = u.valToPos(mark.at, "x", true);
    if (!(x >= bbox.left && x <= bbox.left + bbox.width)) return;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.fillText(mark.name, x + 4 * scale, bbox.top + (3 + 13 * i) * scale);
  });
  ctx.restore();
}

/** Shares of requests by latency as steps, the cumulative share as a line, over logarithmic time. */
export function distributionChart(parent: HTMLElement, data: Distribution, marks: Mark[]): uPlot {
  const { edges, share, cdf } = data;
  const percent = (_u: uPlot, value: number | null) => (value == null ? "" : inUnit(value, "%"));
  const percents = (_u: uPlot, ticks: number[]) => ticks.map((value) => tick(value, "%"));
  const named = (min: number, max: number) => {
    const { at, named: which } = logTicks(min, max);
    return new Set(at.filter((_, i) => which[i]));
  };
  return new uPlot(
    {
      width: parent.clientWidth || 600, height: 260,
      cursor: { drag: { x: false, y: false } },
      scales: {
        x: { time: false, distr: 3, range: () => [edges[0], edges[edges.length - 1]] },
        y: { range: (_u, _min, max) => [0, (max || 1) * 1.08] }, cdf: { range: [0, 100] },
      },
      axes: [
        { ...axis(), splits: (_u, _axis, min, max) => logTicks(min, max).at,
          filter: (u, splits) => {
            const some = named(u.scales.x.min!, u.scales.x.max!);
            return splits.map((value) => (some.has(value) ? value : null));
          },
          values: (_u, ticks) => ticks.map((value) => tick(value, "s")) },
        { ...axis(), size: kAxisWidth, values: percents },
        { ...axis(), scale: "cdf", side: 1, size: 60, grid: { show: false }, values: percents },
      ],
      series: [
        { label: "latency", value: (_u, value) => (value == null ? "" : `from ${seconds(value)}`) },
        { label: "share of answers", stroke: css("line0"), fill: css("line0") + "40", width: 1,
          paths: uPlot.paths.stepped!({ align: 1 }), points: { show: false }, value: percent },
        { label: "answered sooner", scale: "cdf", stroke: css("line1"), width: 2, points: { show: false },
          value: percent },
      ],
      plugins: [tooltip((x) => `latency from ${seconds(x)}`)],
      hooks: { draw: [(u) => drawMarks(u, marks)] },
    },
    [edges, share, cdf] as uPlot.AlignedData,
    parent,
  );
}

/** Lines with times of their own, over the union of these times. */
export function joined(lines: { t: number[]; values: Values }[]): { x: number[]; values: Values[] } {
  const tables = lines.map((line) => [line.t, line.values] as uPlot.AlignedData);
  // 1 keeps nulls as gaps, and a time that only another line has is none.
  const [x, ...values] = uPlot.join(tables, tables.map((each) => each.map(() => 1)));
  return { x: x as number[], values: values as Values[] };
}
