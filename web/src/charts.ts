// Charts by uPlot: one time axis for all of them, cursors and zoom together, colours from the page's
// style so that light and dark both work. The only module that knows uPlot.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { bytes, seconds, short } from "./format";

export type Values = (number | null)[];
export interface Line { label: string; values: Values; fill?: boolean; dash?: boolean }
export interface Shade { start: number; end: number; name: string; warmup: boolean }

export interface ChartOptions {
  unit: string;
  lines: Line[];
  x: number[];
  bands?: [number, number][];  // pairs of lines with the space between filled
  log?: boolean;
  height?: number;
}

// Colours that can be told apart without telling red from green (after Okabe and Ito).
const palette = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c6bb1", "#7f7f7f"];

export function axisText(value: number | null, unit: string): string {
  if (value === null) return "–";
  if (unit === "s") return seconds(value);
  if (unit === "bytes") return bytes(value);
  if (unit === "B/s") return `${bytes(value)}/s`;
  if (unit === "rps") return `${short(value)}/s`;
  if (unit === "%") return `${short(value)} %`;
  return short(value) + (unit ? ` ${unit}` : "");
}

function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Several charts over the same time. */
export class TimeCharts {
  private charts: uPlot[] = [];
  private readonly sync = uPlot.sync("time");
  private zooming = false;

  constructor(private readonly span: [number, number], private readonly shades: Shade[]) {}

  clear() {
    for (const chart of this.charts) chart.destroy();
    this.charts = [];
  }

  resize() {
    for (const chart of this.charts) {
      const width = (chart.root.parentElement as HTMLElement).clientWidth;
      chart.setSize({ width, height: chart.height });
    }
  }

  add(parent: HTMLElement, options: ChartOptions): uPlot {
    const chart = new uPlot(
      {
        width: parent.clientWidth || 600,
        height: options.height ?? 200,
        cursor: { sync: { key: this.sync.key, setSeries: false }, drag: { x: true, y: false } },
        scales: {
          x: { time: false, range: (_u, min, max) => (min === null ? this.span : [min, max]) },
          y: options.log
            ? { distr: 3 }
            : { range: (_u, _min, max) => [0, (max || 1) * 1.08] },
        },
        axes: [
          { ...axisStyle(), values: (_u, ticks) => ticks.map((tick) => seconds(tick)) },
          { ...axisStyle(), size: 78, values: (_u, ticks) => ticks.map((tick) => (tick === null ? "" : axisText(tick, options.unit))) },
        ],
        series: [
          { label: "time", value: (_u, value) => seconds(value) },
          ...options.lines.map((line, i) => lineStyle(line, i, options.unit)),
        ],
        bands: (options.bands ?? []).map(([upper, lower]) => ({
          series: [upper + 1, lower + 1] as [number, number], fill: palette[upper % palette.length] + "22",
        })),
        hooks: {
          drawClear: [(u) => this.shade(u)],
          setScale: [(u, key) => { if (key === "x") this.zoom(u); }],
        },
      },
      [options.x, ...options.lines.map((line) => line.values)] as uPlot.AlignedData,
      parent,
    );
    chart.setScale("x", { min: this.span[0], max: this.span[1] });
    chart.over.addEventListener("dblclick", () => this.show(this.span[0], this.span[1]));
    this.charts.push(chart);
    return chart;
  }

  private show(min: number, max: number) {
    this.zooming = true;
    for (const chart of this.charts) chart.setScale("x", { min, max });
    this.zooming = false;
  }

  // What one chart is zoomed to, all are.
  private zoom(from: uPlot) {
    const { min, max } = from.scales.x;
    if (this.zooming || min == null || max == null) return;
    this.zooming = true;
    for (const chart of this.charts) {
      if (chart !== from && (chart.scales.x.min !== min || chart.scales.x.max !== max))
        chart.setScale("x", { min, max });
    }
    this.zooming = false;
  }

  // Phases as stripes behind the lines, warm-up darker.
  private shade(u: uPlot) {
    const { ctx, bbox } = u;
    ctx.save();
    this.shades.forEach((shade, i) => {
      if (!shade.warmup && i % 2 === 0) return;
      const left = Math.max(u.valToPos(shade.start, "x", true), bbox.left);
      const right = Math.min(u.valToPos(shade.end, "x", true), bbox.left + bbox.width);
      if (right <= left) return;
      ctx.fillStyle = css(shade.warmup ? "--warmup" : "--stripe");
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
    });
    ctx.restore();
  }
}

function axisStyle(): uPlot.Axis {
  return {
    stroke: css("--soft"), grid: { stroke: css("--grid"), width: 1 }, ticks: { stroke: css("--grid"), width: 1 },
    font: "12px system-ui, sans-serif",
  };
}

function lineStyle(line: Line, i: number, unit: string): uPlot.Series {
  const colour = palette[i % palette.length];
  return {
    label: line.label, stroke: colour, width: 1.5, spanGaps: true,
    dash: line.dash ? [5, 4] : undefined,
    fill: line.fill ? colour + "22" : undefined,
    points: { show: line.values.length < 3 },
    value: (_u, value) => axisText(value, unit),
  };
}

/** Bars of shares with the cumulative share as a line, over a logarithmic time axis. */
export function distributionChart(parent: HTMLElement, x: number[], share: number[], cdf: number[]): uPlot {
  const bars = uPlot.paths.stepped!({ align: -1 });
  return new uPlot(
    {
      width: parent.clientWidth || 600, height: 240,
      scales: { x: { time: false, distr: 3 }, y: { range: [0, null] }, cdf: { range: [0, 100] } },
      axes: [
        { ...axisStyle(), values: (_u, ticks) => ticks.map((tick) => (tick === null ? "" : seconds(tick))) },
        { ...axisStyle(), size: 78, values: (_u, ticks) => ticks.map((tick) => `${short(tick)} %`) },
        { ...axisStyle(), scale: "cdf", side: 1, grid: { show: false }, values: (_u, ticks) => ticks.map((tick) => `${tick} %`) },
      ],
      series: [
        { label: "latency", value: (_u, value) => seconds(value) },
        { label: "share of requests", stroke: palette[0], fill: palette[0] + "55", paths: bars, points: { show: false }, value: (_u, value) => `${short(value)} %` },
        { label: "up to here", scale: "cdf", stroke: palette[1], width: 2, points: { show: false }, value: (_u, value) => `${short(value)} %` },
      ],
    },
    [x, share, cdf],
    parent,
  );
}

/** Lines with times of their own, over the union of these times. */
export function joined(lines: { t: number[]; values: Values }[]): { x: number[]; values: Values[] } {
  const tables = lines.map((line) => [line.t, line.values] as uPlot.AlignedData);
  const [x, ...values] = uPlot.join(tables, tables.map((table) => table.map(() => 1)));
  return { x: x as number[], values: values as Values[] };
}
