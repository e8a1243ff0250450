// The parts of the report that are words and tables; main.ts puts them in order.
import { balances, hostFacts, words } from "./data";
import { element, nothing, section, table, type Child } from "./dom";
import { bytes, count, figure, inUnit, moment, seconds, share, short } from "./format";
import type { Figure, Figures, Group, Result, Threshold } from "./result";

const meanings = {
  VALID: "The figures can be taken as they are.",
  SUSPECT: "Read the reasons before you use these figures.",
  INVALID: "These figures don't say what the experiment asked.",
};

function thresholdsInOneLine(result: Result): Child {
  const all = result.thresholds.length;
  const crossed = result.thresholds.filter((one) => !one.passed && !one.undecided).length;
  const undecided = result.thresholds.filter((one) => one.undecided).length;
  if (all === 0) return element("span", { class: "soft" }, "no thresholds were set");
  if (undecided > 0) return element("span", { class: crossed > 0 ? "bad" : "doubt" },
    `${crossed > 0 ? `✗ ${crossed} of ${all} thresholds crossed, ` : "? "}` +
    `${undecided} of ${all} thresholds not decidable`);
  return crossed === 0
    ? element("span", { class: "good" }, `✓ ${all === 1 ? "the threshold" : `all ${all} thresholds`} held`)
    : element("span", { class: "bad" }, `✗ ${crossed} of ${all} thresholds crossed`);
}

export function verdict(result: Result): HTMLElement {
  const { experiment } = result;
  const { value, reasons } = result.verdict;
  const mark = { VALID: "✓", SUSPECT: "!", INVALID: "✗" }[value];
  const loop = { open: "open loop", closed: "closed loop", mixed: "open and closed loop" }[result.mode];
  return element("header", { class: `verdict ${value.toLowerCase()}` },
    element("div", { class: "mark", "aria-hidden": "true" }, mark),
    element("div", {},
      element("p", { class: "line" }, element("strong", { class: "word" }, value), meanings[value]),
      element("ul", {}, ...reasons.map((reason) => element("li", {}, reason))),
      element("h1", {}, experiment.name || experiment.id),
      element("p", {}, thresholdsInOneLine(result)),
      element("p", { class: "soft" },
        [experiment.id, experiment.creator && `by ${experiment.creator}`, moment(experiment.start),
          seconds(experiment.duration_s), loop, experiment.status].filter(Boolean).join(" · "))));
}

function held(one: Threshold): Child {
  if (one.undecided) return element("span", { class: "doubt" }, "? not decidable");
  return element("span", { class: one.passed ? "good" : "bad" }, one.passed ? "✓ held" : "✗ crossed");
}

function measured(one: Threshold): string {
  if (one.undecided) return one.undecided;
  return (one.at_least ? "≥ " : "") + inUnit(one.value, one.unit);
}

export function thresholds(result: Result): HTMLElement {
  if (result.thresholds.length === 0)
    return section("Thresholds", nothing("The experiment sets no thresholds."));
  return section("Thresholds", table(["", "threshold", "#measured", "#limit"],
    result.thresholds.map((one) => [
      held(one), element("code", {}, one.expression), measured(one), inUnit(one.limit, one.unit)])));
}

const perSecond = (value: number | null) => (value === null ? "–" : `${short(value)}/s`);

export function keyFigures(result: Result): HTMLElement {
  const { ledger, latency_s: latency, dispatch_error_s: dispatch, rate, generator } = result;
  const bad = ledger.intended - ledger.answered;
  const tile = (name: string, value: string, more: string) => element("div", { class: "tile" },
    element("div", { class: "name" }, name), element("div", { class: "value" }, value),
    element("div", { class: "soft" }, more));
  return element("div", { class: "tiles" },
    tile("requests", count(ledger.intended), `${count(ledger.answered)} answered`),
    tile("not answered", share(bad, ledger.intended), `${count(bad)} failed or not sent`),
    tile("achieved", perSecond(rate.achieved_rps), `offered ${perSecond(rate.offered_rps)}`),
    tile("scheduling delay p99", figure(dispatch, "p99"),
      dispatch.count > 0 ? "how late requests went out" : "no due times"),
    tile("latency p50", figure(latency, "p50"), `mean ${figure(latency, "mean")}`),
    tile("latency p90", figure(latency, "p90"), `p95 ${figure(latency, "p95")}`),
    tile("latency p99", figure(latency, "p99"), `max ${figure(latency, "max")}`),
    tile("generator", `${short(generator.cpu_per_request_us)} µs`,
      `CPU a request; ${bytes(generator.rss_max_bytes)} memory`));
}

export function times(result: Result): HTMLElement {
  const row = (name: string, f: Figures): Child[] => [name, count(f.count),
    figure(f, "min"), figure(f, "mean"), seconds(f.stddev),
    ...(["p50", "p90", "p95", "p99", "p999", "max"] as Figure[]).map((one) => figure(f, one))];
  const all = result.latency_s.count === result.latency_answered_s.count;
  const heads = ["min", "mean", "std dev", "p50", "p90", "p95", "p99", "p99.9", "max"];
  return section("Times",
    table(["", "#requests", ...heads.map((head) => `#${head}`)], [
      ...(all ? [] : [row("latency, answered", result.latency_answered_s),
        row("latency, failed", result.latency_failed_s)]),
      row("latency, all", result.latency_s),
      row("service time", result.service_time_s),
      row("scheduling delay", result.dispatch_error_s)]),
    element("p", { class: "soft" }, "Latency: from due to answered, of all requests. Service time: from sent to answered. " +
      "Scheduling delay: from due to sent."),
    all ? "" : element("p", { class: "soft" },
      "≥: what was never answered took longer than each answer, and at least its time."),
    element("p", { class: "soft" }, "–: fewer than ten requests lie past that percentile, so it isn't known."),
    result.ledger.warmup > 0
      ? element("p", { class: "soft" }, `The warm-up's ${count(result.ledger.warmup)} requests are left out.`) : "");
}

export function ledger(result: Result): HTMLElement {
  const l = result.ledger;
  const why = [...Object.entries(l.not_sent).map(([name, n]) => ["not sent", name, n] as const),
    ...Object.entries(l.failed).map(([name, n]) => ["failed", name, n] as const)];
  const codes = Object.entries(result.status_codes);
  return section("Ledger",
    table(["", "#total", "is the sum of", ""], balances(l).map((row) => [
      row.what, count(row.total), row.parts.map(([name, n]) => `${name} ${count(n)}`).join(" + "),
      element("span", { class: row.right ? "good" : "bad" }, row.right ? "✓" : "✗ doesn't add up")])),
    element("p", { class: l.balanced ? "good" : "bad" },
      l.balanced ? "✓ The books balance." : "✗ The books don't balance."),
    why.length === 0 ? nothing("No request failed, and none stayed unsent.")
      : table(["", "reason", "#requests", "#of intended"],
        why.map(([what, name, n]) => [what, words(name), count(n), share(n, l.intended)])),
    codes.length === 0 ? nothing("No answer had a status.")
      : table(["status", "#answers"], codes.map(([code, n]) => [code, count(n)])),
    l.retried === 0 ? "" : element("p", { class: "soft" },
      `${count(l.retried)} sent again, unseen, after the server had closed an idle connection`));
}

export function groups(title: string, rows: Group[], none: string): HTMLElement {
  if (rows.length === 0) return section(title, nothing(none));
  return section(title, table(
    ["name", "#answered", "#failed", "#mean", "#p50", "#p90", "#p99", "#max"],
    rows.map((row) => [row.name || "(unnamed)", count(row.answered), count(row.failed),
      ...(["mean", "p50", "p90", "p99", "max"] as Figure[]).map((one) => figure(row.latency_s, one))])));
}

export function checks(result: Result): HTMLElement[] {
  if (!result.checks || result.checks.length === 0) return [];
  return [section("Checks", table(["name", "#passed", "#failed", "#of those that ran"],
    result.checks.map((one) => [one.name, count(one.passed), count(one.failed),
      one.passed + one.failed === 0 ? "never ran" : share(one.passed, one.passed + one.failed)])))];
}

export function phases(result: Result): HTMLElement {
  return section("Phases", table(
    ["name", "#from", "#to", "#offered", "#achieved", "#answered", "#failed", "#p50", "#p99"],
    result.phases.map((phase) => [
      phase.warmup ? `${phase.name} (left out)` : phase.name, seconds(phase.start_s), seconds(phase.end_s),
      perSecond(phase.offered_rps), perSecond(phase.achieved_rps), count(phase.answered), count(phase.failed),
      figure(phase.latency_s, "p50"), figure(phase.latency_s, "p99")])));
}

function revocation(checked: number, handshakes: number): string {
  return checked === 0 ? "revocation not looked at"
    : checked === handshakes ? "none of them revoked" : `revocation looked at in ${count(checked)}`;
}

export function provenance(result: Result): HTMLElement {
  const p = result.provenance;
  const g = result.generator;
  const rows: [string, string][] = [
    ["seed", String(p.seed)], ["galileo", p.galileo_version], ["command", p.command.join(" ")],
    ["experiment file", p.file_path], ["database", p.database], ["spool", p.spool],
    ["generator", `${g.threads} event ${g.threads === 1 ? "loop" : "loops"}, ${seconds(g.cpu_s)} CPU ` +
      `(${short(g.cpu_pct)} % of one core), busiest loop ${short(g.busiest_loop_pct)} %`],
    ["TLS", g.tls ? `${count(g.tls.handshakes)} handshakes, ${count(g.tls.resumed)} of them resumed; ` +
      (g.tls.unverified > 0 ? `certificates not verified in ${count(g.tls.unverified)}`
        : `certificates verified, ${revocation(g.tls.crl_checked ?? 0, g.tls.handshakes)}`) : ""],
    ["HTTP", g.http?.requests_2 ? `${count(g.http.requests_2)} requests over HTTP/2` +
      (g.http.requests_1 > 0 ? `, ${count(g.http.requests_1)} over HTTP/1.1` : "") +
      `; ${count(g.http.connections)} connection${g.http.connections === 1 ? "" : "s"} made` +
      (g.http.given_up > 0 ? `; ${count(g.http.given_up)} streams reset here, by time-outs` : "") : ""],
    ...hostFacts(p.host)];
  const details = (name: string, text: string) =>
    element("details", {}, element("summary", {}, name), element("pre", {}, text));
  return section("Environment",
    table(["", ""], rows.filter(([, value]) => value).map(([key, value]) => [key, value])),
    p.file_text ? details("The experiment file", p.file_text)
      : nothing("There is no experiment file: the command above is the whole description."),
    p.plan ? details("The plan it expands to", JSON.stringify(p.plan, null, 2)) : "");
}
