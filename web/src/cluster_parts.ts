// The parts of the report about a cluster and its events that are words and tables.
import { element, nothing, section, table, type Child } from "./dom";
import { bytes, count, figure, seconds } from "./format";
import type { Cluster, Figures, Leg, Result } from "./result";

const unknown = "–";

function time(figures: Figures | null, name: "p50" | "p95" | "mean"): string {
  return figures === null ? unknown : figure(figures, name);
}

/** Application by node: what became of its requests there, and what that cost. */
export function placement(cluster: Cluster): HTMLElement[] {
  if (cluster.placement.length === 0) return [];
  const zones = cluster.placement.some((row) => row.zone !== null);
  return [element("h3", {}, "Applications by node"),
    table(["application", "node", ...(zones ? ["zone"] : []), "#pods", "#answered", "#failed", "#p50", "#p95",
      "#execution p50", "#CPU a request"],
    cluster.placement.map((row) => [row.application, row.node ?? "not known",
      ...(zones ? [row.zone ?? unknown] : []), row.pods === null ? unknown : count(row.pods),
      count(row.answered), count(row.failed), time(row.latency_answered_s, "p50"),
      time(row.latency_answered_s, "p95"), time(row.execution_s, "p50"),
      row.cpu_s_per_request === null ? unknown : seconds(row.cpu_s_per_request)])),
    element("p", { class: "soft" }, "Latency: from due to answered. Execution: as the application says (X-Start, X-End). " +
      "CPU a request: what the pods that served used while they were measured, the warm-up too, over the requests that they " +
      "served clients; what other applications asked of them costs them too, and isn't counted. " +
      "Not known: requests that no pod is known to have had, as those that nobody answered.")];
}

function bar(leg: Leg, most: number, application: string): Child {
  const mean = leg.time_s?.mean ?? null;
  if (mean === null || most <= 0) return "";
  const inside = leg.from === application && leg.to === application;
  const made = element("span", { class: inside ? "leg inside" : "leg" });
  made.style.width = `${Math.max(1, Math.round((160 * mean) / most))}px`;
  return made;
}

/** Where the time of a request goes, gateway by gateway. */
export function hops(cluster: Cluster): HTMLElement[] {
  return cluster.hops.flatMap((path) => {
    const most = Math.max(0, ...path.legs.map((leg) => leg.time_s?.mean ?? 0));
    const name = (leg: Leg) => (leg.from === leg.to ? `in ${leg.from}` : `${leg.from} → ${leg.to}`);
    const negative = path.legs.reduce((sum, leg) => sum + leg.negative, 0);
    const rows: Child[][] = path.legs.map((leg) => [name(leg), time(leg.time_s, "mean"), time(leg.time_s, "p50"),
      time(leg.time_s, "p95"), bar(leg, most, path.application)]);
    if (path.way)
      rows.push(["all but the application", time(path.way.time_s, "mean"), time(path.way.time_s, "p50"),
        time(path.way.time_s, "p95"), ""]);
    const holder = element("div", { class: "bars" }, table(["", "#mean", "#p50", "#p95", ""], rows));
    return [
      element("h3", {}, `Hops of ${path.application} through ${path.gateways.join(" and ")}`), holder,
      element("p", { class: "soft" }, `${count(path.requests)} answers. Each machine's own clock is taken as it is` +
        (path.way ? "; all but the application needs none of them to be right." : ".")),
      ...(negative > 0 ? [element("p", { class: "doubt" }, `${count(negative)} times would be negative: ` +
        "the machines' clocks differ. Where that is more than one in a hundred, the time isn't known.")] : [])];
  });
}

/** What there was no room for, told rather than missed. */
export function leftOut(cluster: Cluster): HTMLElement[] {
  const told = [[cluster.weights_left_out, "changes of weights"], [cluster.hops_left_out, "requests by further paths"]] as const;
  return told.filter(([n]) => n > 0).map(([n, what]) => element("p", { class: "soft" }, `${count(n)} ${what} are left out.`));
}

/** How often a CPU limit was used up. */
function heldBack(pod: Cluster["pods"][number]): string {
  if (pod.cpu_limit_periods === null || pod.cpu_limit_throttled === null) return unknown;
  const share = pod.cpu_limit_periods > 0 ? (100 * pod.cpu_limit_throttled) / pod.cpu_limit_periods : 0;
  return `${count(pod.cpu_limit_throttled)} of ${count(pod.cpu_limit_periods)} (${share.toFixed(0)} %)`;
}

/** Each pod: where, from when to when, and what it used. */
export function pods(cluster: Cluster): HTMLElement[] {
  if (cluster.pods.length === 0) return [];
  const limited = cluster.pods.some((pod) => (pod.cpu_limit_periods ?? null) !== null);
  const rows = cluster.pods.map((pod): Child[] => [pod.name, pod.function ?? unknown, pod.node ?? unknown,
    pod.zone ?? unknown, seconds(pod.running_s), seconds(pod.ended_s),
    pod.cpu_s === null ? unknown : seconds(pod.cpu_s), bytes(pod.memory_max_bytes),
    ...(limited ? [heldBack(pod)] : []),
    String(pod.containers.reduce((sum, one) => sum + Math.max(0, one.ids.length - 1), 0))]);
  return [element("details", {}, element("summary", {}, cluster.pods.length === 1 ? "1 pod" : `${count(cluster.pods.length)} pods`),
    table(["pod", "function", "node", "zone", "#runs from", "#to", "#CPU", "#memory at most", ...(limited ? ["#held back by its CPU limit"] : []), "#restarts"], rows),
    ...(cluster.pods_left_out > 0
      ? [element("p", { class: "soft" }, `${count(cluster.pods_left_out)} further pods are left out.`)] : []))];
}

/** What happened when. */
export function events(result: Result): HTMLElement[] {
  const { list, left_out } = result.events;
  if (list.length === 0) return [];
  return [section("Events", element("details", {}, element("summary", {}, list.length === 1 ? "1 event" : `${count(list.length)} events`),
    table(["#at", "event", ""], list.map((mark) => [seconds(mark.t_s), mark.name, mark.text])),
    ...(left_out > 0 ? [nothing(`${count(left_out)} further events are left out.`)] : [])))];
}

/** The user's, as they were given. */
export function metadata(result: Result): HTMLElement[] {
  if (Object.keys(result.metadata).length === 0) return [];
  return [section("Metadata", element("pre", {}, JSON.stringify(result.metadata, null, 2)))];
}
