// The document's numbers in the form that charts want. Pure functions.
import type { Result, TelemetryRow } from "./result";

type Values = (number | null)[];

/** One chart of telemetry: the rows that share a metric and a unit. */
export interface TelemetryGroup {
  title: string;
  unit: string;  // "%", "bytes", "B/s", ...
  lines: { label: string; t: number[]; values: Values }[];
}

interface Kind { title: string; metrics: string[]; unit?: string; factor?: number; slope?: boolean }

// In the order in which they are shown. Counters become slopes: a total since boot says nothing.
const kinds: Kind[] = [
  { title: "CPU of the machine", metrics: ["cpu"] },
  { title: "CPU of processes (of one core)", metrics: ["process_cpu"] },
  { title: "Memory of the machine", metrics: ["ram"], unit: "bytes", factor: 1024 },
  { title: "Memory of processes", metrics: ["process_rss"], unit: "bytes" },
  { title: "Load average", metrics: ["load1", "load5"] },
  { title: "Running processes", metrics: ["procs"] },
  { title: "Network", metrics: ["tx", "rx"], unit: "B/s", factor: 1000 },
  { title: "Disk", metrics: ["rd", "wr"], unit: "B/s", factor: 1000 },
  { title: "Pressure stall (share of time)", metrics: ["psi_cpu", "psi_memory", "psi_io"], unit: "%", factor: 1e-4, slope: true },
  { title: "Storage read and written by processes", metrics: ["process_read", "process_written"], unit: "B/s", slope: true },
  { title: "Threads of processes", metrics: ["process_threads"] },
  { title: "Open files of processes", metrics: ["process_fds"] },
  { title: "Clock rate, all cores", metrics: ["freq"] },
];

/** Change a second between neighbours; the first has none. */
export function slope(t: number[], values: Values): Values {
  return values.map((value, i) => {
    const before = i > 0 ? values[i - 1] : null;
    if (value === null || before === null || t[i] <= t[i - 1]) return null;
    return Math.max(0, (value - before) / (t[i] - t[i - 1]));
  });
}

function line(row: TelemetryRow, kind: Kind, nodes: number) {
  const parts = [nodes > 1 ? row.node : "", kind.metrics.length > 1 ? row.metric : "", row.subsystem];
  const raw = kind.slope ? slope(row.t_s, row.mean) : row.mean;
  const factor = kind.factor ?? 1;
  return {
    label: parts.filter(Boolean).join(" ") || row.metric,
    t: row.t_s,
    values: raw.map((value) => (value === null ? null : value * factor)),
  };
}

/** Telemetry by chart; what isn't known gets a chart of its own by metric. Lines that are always 0
 *  (idle devices) are left out where others aren't. */
export function telemetryGroups(rows: TelemetryRow[]): TelemetryGroup[] {
  const nodes = new Set(rows.map((row) => row.node)).size;
  const known = new Set(kinds.flatMap((kind) => kind.metrics));
  const others = [...new Set(rows.map((row) => row.metric).filter((metric) => !known.has(metric)))];
  const all = [...kinds, ...others.map((metric) => ({ title: metric, metrics: [metric] }) as Kind)];
  const groups: TelemetryGroup[] = [];
  for (const kind of all) {
    const found = rows.filter((row) => kind.metrics.includes(row.metric) && row.t_s.length > 0);
    let lines = found.map((row) => line(row, kind, nodes));
    const busy = lines.filter((one) => one.values.some((value) => value !== null && value !== 0));
    if (busy.length > 0) lines = busy;
    if (lines.length > 0)
      groups.push({ title: kind.title, unit: kind.unit ?? found[0].unit, lines: lines.slice(0, 12) });
  }
  return groups;
}

/** The histogram as points of its share of requests (%), and the share up to each edge. */
export function distribution(histogram: Result["histogram"]): { x: number[]; share: number[]; cdf: number[] } {
  const total = histogram.count.reduce((sum, n) => sum + n, 0);
  let before = 0;
  const x: number[] = [], share: number[] = [], cdf: number[] = [];
  histogram.count.forEach((n, i) => {
    before += n;
    x.push(Math.max(1e-9, histogram.upper_s[i]));
    share.push((100 * n) / total);
    cdf.push((100 * before) / total);
  });
  return { x, share, cdf };
}

/** The widest time that any part covers, for the one time axis. */
export function timeSpan(result: Result): [number, number] {
  const t = result.series.t_s;
  let end = t.length > 0 ? t[t.length - 1] + result.series.width_s : 0;
  for (const row of result.telemetry) end = Math.max(end, row.t_s[row.t_s.length - 1] ?? 0);
  return [0, end || 1];
}
