// The document's numbers in the form that charts and tables want. Pure functions.
import { bytes, moment } from "./format";
import type { Ledger, Result, TelemetryRow } from "./result";

type Values = (number | null)[];

export interface TelemetryLine { label: string; t: number[]; values: Values }

/** One chart of telemetry: the rows that measure the same thing. */
export interface TelemetryGroup {
  title: string;
  unit: string;  // "%", "bytes", "B/s", ...
  lines: TelemetryLine[];
  mean_and_max: boolean;  // one row: its mean, then its largest values
  left_out: number;       // further lines: smaller than those shown, or of no pod where others are
}

const kLinesMax = 8;  // as many as there are colours

interface Kind {
  title: string;
  metrics: string[];
  unit?: string;
  factor?: number;
  slope?: boolean;
}

// In the order in which they are shown. Counters become slopes: a total since boot says nothing.
const kinds: Kind[] = [
  { title: "CPU of the machine", metrics: ["cpu_busy", "cpu"] },
  { title: "CPU of processes (of one core)", metrics: ["process_cpu"] },
  { title: "CPU of containers (of one core)", metrics: ["docker_cgrp_cpu", "kubernetes_cgrp_cpu"],
    unit: "%", factor: 1e-7, slope: true },
  { title: "Memory of the machine", metrics: ["ram"], unit: "bytes", factor: 1024 },
  { title: "Memory of processes", metrics: ["process_rss"], unit: "bytes" },
  { title: "Memory of containers", metrics: ["docker_cgrp_memory", "kubernetes_cgrp_memory"], unit: "bytes" },
  { title: "Load average", metrics: ["load1", "load5"] },
  { title: "Running processes", metrics: ["procs"] },
  { title: "Network", metrics: ["tx", "rx"], unit: "B/s", factor: 1000 },
  { title: "Disk", metrics: ["rd", "wr"], unit: "B/s", factor: 1000 },
  { title: "Pressure: share of time that tasks waited", metrics: ["psi_cpu", "psi_memory", "psi_io"],
    unit: "%", factor: 1e-4, slope: true },
  { title: "Read and written by processes", metrics: ["process_read", "process_written"],
    unit: "B/s", slope: true },
  { title: "Network of containers", metrics: ["docker_cgrp_net", "kubernetes_cgrp_net"],
    unit: "B/s", slope: true },
  { title: "Disk of containers", metrics: ["docker_cgrp_blkio", "kubernetes_cgrp_blkio"],
    unit: "B/s", slope: true },
  { title: "Graphics processors", metrics: ["gpu_util", "gpu_util_memory"], unit: "%" },
  { title: "Power of graphics processors", metrics: ["gpu_power"], unit: "W", factor: 1e-3 },
  { title: "Wireless signal", metrics: ["signal"], unit: "dBm" },
  { title: "Threads of processes", metrics: ["process_threads"] },
  { title: "Open files of processes", metrics: ["process_fds"] },
  { title: "Clock rate, sum of all cores", metrics: ["freq"] },
];

/** Change a second between neighbours; the first has none. */
export function slope(t: number[], values: Values): Values {
  return values.map((value, i) => {
    const before = i > 0 ? values[i - 1] : null;
    if (value === null || before === null || t[i] <= t[i - 1]) return null;
    return Math.max(0, (value - before) / (t[i] - t[i - 1]));
  });
}

// A container by its pod's name, which has one: 64 digits say nothing to anybody.
function partOf(row: TelemetryRow): string {
  if (!row.pod) return row.subsystem.replace(/^[0-9a-f]{64}/, (id) => id.slice(0, 12));
  const rest = row.subsystem.split("/").slice(1).join("/");
  return [row.containers === 1 ? row.pod : `${row.pod}/${row.container}`, rest].filter(Boolean).join(" ");
}

/** Rows of one name become one line: a container that was started again counts from 0 under another
 *  id. Each has its slope already. */
function merged(lines: TelemetryLine[]): TelemetryLine[] {
  const made = new Map<string, TelemetryLine>();
  for (const one of lines) {
    const before = made.get(one.label);
    if (!before) {
      made.set(one.label, one);
      continue;
    }
    const points = [...before.t.map((t, i) => [t, before.values[i]] as const),
      ...one.t.map((t, i) => [t, one.values[i]] as const)].sort((a, b) => a[0] - b[0]);
    const t: number[] = [], values: Values = [];
    for (const [at, value] of points) {
      if (t.length === 0 || t[t.length - 1] !== at) {
        t.push(at);
        values.push(value);
      } else if (values[values.length - 1] === null) {
        values[values.length - 1] = value;
      }
    }
    made.set(one.label, { label: one.label, t, values });
  }
  return [...made.values()];
}

function line(row: TelemetryRow, kind: Kind, nodes: number): TelemetryLine {
  const metric = kind.metrics.length > 1 ? row.metric.replace(/^(process|psi)_|^(docker|kubernetes)_cgrp_.*/, "") : "";
  const raw = kind.slope ? slope(row.t_s, row.mean) : row.mean;
  const factor = kind.factor ?? 1;
  return {
    label: [nodes > 1 && !row.pod ? row.node : "", metric, partOf(row)].filter(Boolean).join(" ") || row.metric,
    t: row.t_s,
    values: raw.map((value) => (value === null ? null : value * factor)),
  };
}

function size(one: TelemetryLine): number {
  return one.values.reduce((sum: number, value) => sum + Math.abs(value ?? 0), 0) /
    Math.max(1, one.values.length);
}

function group(kind: Kind, rows: TelemetryRow[], nodes: number): TelemetryGroup | null {
  const measured = rows.filter((row) => kind.metrics.includes(row.metric) && row.t_s.length > 0);
  if (measured.length === 0) return null;
  // Where pods are known, containers that are nobody's are those that hold pods open.
  const of_pods = measured.filter((row) => row.pod);
  const found = of_pods.length > 0 ? of_pods : measured;
  let lines = merged(found.map((row) => line(row, kind, nodes)));
  // Idle devices are left out where others aren't idle.
  const busy = lines.filter((one) => one.values.some((value) => value !== null && value !== 0));
  if (busy.length > 0) lines = busy;
  const unit = kind.unit ?? found[0].unit;
  const title = of_pods.length > 0 ? kind.title.replace("of containers", "by pod") : kind.title;
  const made = { title, unit, lines, mean_and_max: false, left_out: measured.length - found.length };
  if (lines.length > kLinesMax) {
    const largest = [...lines].sort((a, b) => size(b) - size(a)).slice(0, kLinesMax);
    made.lines = lines.filter((one) => largest.includes(one));
    made.left_out += lines.length - kLinesMax;
  }
  const only = found[0];
  const differs = only.max.some((value, i) => value !== only.mean[i]);
  if (found.length === 1 && !kind.slope && differs) {
    const factor = kind.factor ?? 1;
    const max = only.max.map((value) => (value === null ? null : value * factor));
    made.lines = [{ ...lines[0], label: "mean" }, { label: "max", t: only.t_s, values: max }];
    made.mean_and_max = true;
  }
  return made;
}

/** Telemetry by chart; what isn't known gets a chart of its own by metric. */
export function telemetryGroups(rows: TelemetryRow[]): TelemetryGroup[] {
  const nodes = new Set(rows.map((row) => row.node)).size;
  // The wire's own `cpu` leaves niced programs and interrupts out: shown only where it is all.
  const busy = new Set(rows.filter((row) => row.metric === "cpu_busy").map((row) => row.node));
  rows = rows.filter((row) => row.metric !== "cpu" || !busy.has(row.node));
  const known = new Set(kinds.flatMap((kind) => kind.metrics));
  const others = new Set(rows.map((row) => row.metric).filter((metric) => !known.has(metric)));
  const all: Kind[] = [...kinds, ...[...others].map((name) => ({ title: name, metrics: [name] }))];
  return all.map((kind) => group(kind, rows, nodes))
    .filter((made): made is TelemetryGroup => made !== null);
}

export interface Distribution { edges: number[]; share: (number | null)[]; cdf: number[] }

/** The histogram over bins of one width on a logarithmic axis, as the share of all requests (%) in
 *  the bin that begins at an edge, and the share up to that edge. The document's own buckets widen
 *  in jumps, which would show as jumps in the shares. Nothing where nothing was counted. */
export function distribution(histogram: Result["histogram"]): Distribution | null {
  const total = histogram.count.reduce((sum, n) => sum + n, 0);
  if (total === 0) return null;
  const upper = histogram.upper_s.map((edge) => Math.max(edge, 2e-9));
  const lower = histogram.lower_s.map((edge, i) => Math.min(Math.max(edge, 1e-9), upper[i] / 1.001));
  const first = Math.log(Math.min(...lower));
  const last = Math.log(Math.max(...upper));
  const bins = Math.min(64, Math.max(1, Math.ceil((last - first) / Math.log(1.09))));
  const width = (last - first) / bins || 0.01;
  // One empty bin on either side, so that the shape is seen to begin and end.
  const counts: number[] = Array(bins + 2).fill(0);
  histogram.count.forEach((n, i) => {
    const from = (Math.log(lower[i]) - first) / width + 1;
    const to = (Math.log(upper[i]) - first) / width + 1;
    for (let bin = Math.floor(from); bin < Math.min(to, bins + 1); bin++)
      counts[bin] += (n * (Math.min(to, bin + 1) - Math.max(from, bin))) / (to - from);
  });
  let before = 0;
  const made: Distribution = { edges: [], share: [], cdf: [] };
  for (let bin = 0; bin <= bins + 2; bin++) {
    made.edges.push(Math.exp(first + (bin - 1) * width));
    made.share.push(bin < bins + 2 ? (100 * counts[bin]) / total : null);
    made.cdf.push(Math.min(100, (100 * before) / total));
    before += counts[bin] ?? 0;
  }
  return made;
}

/** Where a logarithmic axis has lines, and which of them have room for a number. */
export function logTicks(min: number, max: number): { at: number[]; named: boolean[] } {
  const decades = Math.log10(max / min);
  const digits = decades > 4 ? [1] : decades > 1.7 ? [1, 3] : [1, 2, 3, 5, 7];
  const at: number[] = [], named: boolean[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.log10(max); power++) {
    for (let digit = 1; digit <= 9; digit++) {
      const value = Number(`${digit}e${power}`);
      if (value < min || value > max) continue;
      at.push(value);
      named.push(digits.includes(digit));
    }
  }
  return { at, named };
}

/** The widest time that any part covers, for the one time axis. */
export function timeSpan(result: Result): [number, number] {
  const t = result.series.t_s;
  let end = t.length > 0 ? t[t.length - 1] + result.series.width_s : 0;
  for (const row of result.telemetry) end = Math.max(end, row.t_s[row.t_s.length - 1] ?? 0);
  return [0, end || 1];
}

export interface Balance { what: string; total: number; parts: [string, number][]; right: boolean }

/** The books' sums, added up again here rather than believed. */
export function balances(ledger: Ledger): Balance[] {
  const sum = (reasons: Record<string, number>) => Object.values(reasons).reduce((a, b) => a + b, 0);
  const row = (what: string, total: number, parts: [string, number][]): Balance =>
    ({ what, total, parts, right: total === parts.reduce((all, [, n]) => all + n, 0) });
  const { traces } = ledger;
  return [
    row("intended", ledger.intended, [["sent", ledger.sent], ["not sent", sum(ledger.not_sent)]]),
    row("sent", ledger.sent, [["answered", ledger.answered], ["failed", sum(ledger.failed)],
      ["in flight at the end", ledger.in_flight_at_end]]),
    row("traces made", traces.made, [["stored in the database", traces.stored],
      ["in the spool", traces.spooled], ["lost", traces.lost]]),
  ];
}

/** "connect_refused" to "connect refused". */
export function words(name: string): string {
  return name.replace(/_/g, " ");
}

/** Facts of the host as people say them: `ram` is in kB and `boot` a time, both by name. */
export function hostFacts(host: Record<string, string>): [string, string][] {
  return Object.entries(host).filter(([, value]) => value !== "").map(([key, value]) => {
    const number = Number(value);
    if (key === "ram" && number > 0) return ["memory", bytes(number * 1024)];
    if (key === "boot" && number > 0) return ["booted", moment(number)];
    return [words(key), value];
  });
}
