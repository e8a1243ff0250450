// What the document says of a cluster, in the form that charts and tables want. Pure functions.
import type { Cluster, Maybe, Result, Mark } from "./result";

type Values = Maybe[];

export interface StepLines { x: number[]; lines: { label: string; values: Values }[] }

const kLinesMax = 8;  // as many as there are colours

/** Lines that hold a value until the next one, over the union of their times, from `before` at the
 *  beginning to the end of the span. */
export function steps(rows: { label: string; t: number[]; values: Values }[], before: Maybe, end: number): StepLines {
  const times = new Set([0, end]);
  for (const row of rows) row.t.forEach((t, i) => {
    times.add(t);
    // A line is drawn up to the last value before a gap: that one is right before it.
    if (row.values[i] === null && t > 0) times.add(t - end * 1e-6);
  });
  const x = [...times].sort((a, b) => a - b);
  const lines = rows.map((row) => {
    let at = 0, value = before;
    const values = x.map((t) => {
      while (at < row.t.length && row.t[at] <= t) value = row.values[at++];
      return value;
    });
    return { label: row.label, values };
  });
  return { x, lines };
}

/** Replicas of each function; of one that was on several nodes, on each of them too. */
export function replicas(cluster: Cluster, end: number): { title: string; steps: StepLines }[] {
  const of = (rows: Cluster["replicas"], label: (row: Cluster["replicas"][0]) => string) =>
    steps(rows.slice(0, kLinesMax).map((row) => ({ label: label(row), t: row.t_s, values: row.count })), 0, end);
  const all = cluster.replicas.filter((row) => row.node === null);
  const charts = all.length === 0 ? [] : [{ title: "Replicas", steps: of(all, (row) => row.function) }];
  for (const { function: name } of all) {
    const nodes = cluster.replicas.filter((row) => row.function === name && row.node !== null);
    if (nodes.length > 0)
      charts.push({ title: `Placement: replicas of ${name} by node`, steps: of(nodes, (row) => row.node!) });
  }
  return charts;
}

/** Weights of each function in each zone. A target that isn't in the list has none. */
export function weights(cluster: Cluster, end: number): { title: string; steps: StepLines; left_out: number }[] {
  return cluster.weights.map((row) => ({
    title: `Weights of ${row.function} in ${row.zone}`,
    left_out: row.targets_left_out + Math.max(0, row.targets.length - kLinesMax),
    steps: steps(row.targets.slice(0, kLinesMax).map((target) =>
      ({ label: target.name ?? target.target, t: row.t_s, values: target.weight })), null, end),
  }));
}

export type MarkKind = "begins" | "ends" | "weights" | "changes" | "other";

/** What an event is to somebody who looks at latencies: more to serve, less, another share, else. */
export function kindOf(mark: Mark): MarkKind {
  if (mark.name === "pod/running") return "begins";
  if (/^(pod\/(shutdown|delete)|container\/(oom|exit|error|image)|eviction|failure|application\/failure|node\/(unready|gone))$/.test(mark.name))
    return "ends";
  if (mark.name === "cluster/change") return "changes";
  return mark.name === "weight_update" ? "weights" : "other";
}

/** The events that are worth a line on a chart. A pod's way from made to running has steps that say
 *  nothing of latencies, and its end is told twice or more. */
export function chartMarks(result: Result): Mark[] {
  const gone = new Set<string>();
  return result.events.list.filter((mark) => {
    if (mark.name === "pod/create" || mark.name === "pod/pending" || mark.name === "kubernetes/event") return false;
    if (mark.name !== "pod/shutdown" && mark.name !== "pod/delete") return true;
    const again = gone.has(mark.text);
    gone.add(mark.text);
    return !again;
  });
}
