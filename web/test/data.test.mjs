import assert from "node:assert/strict";
import { test } from "node:test";
import { balances, distribution, hostFacts, logTicks, slope, telemetryGroups, timeSpan } from "../dist/test/data.mjs";

const row = (metric, subsystem, mean, unit = "") =>
  ({ node: "n", metric, subsystem, unit, t_s: mean.map((_, i) => i), mean, max: mean });

test("a counter becomes its slope, and a gap stays one", () => {
  assert.deepEqual(slope([0, 1, 3, 4], [10, 20, 40, null]), [null, 10, 10, null]);
  assert.deepEqual(slope([0, 1], [20, 10]), [null, 0]);
});

test("telemetry is grouped by what it measures, in human units, idle devices left out", () => {
  const groups = telemetryGroups([row("rx", "eth0", [1, 2], "kB/s"), row("rx", "idle0", [0, 0], "kB/s"),
    row("ram", "", [1000, 1000], "kB"), row("psi_cpu", "some", [0, 10000], "us"), row("new_metric", "", [1, 1])]);
  assert.deepEqual(groups.map((group) => group.title),
    ["Memory of the machine", "Network", "Pressure: share of time that tasks waited", "new_metric"]);
  assert.deepEqual(groups[1].lines.map((line) => line.label), ["rx eth0"]);
  assert.deepEqual(groups[1].lines[0].values, [1000, 2000]);
  assert.deepEqual(groups[0].lines[0].values, [1024000, 1024000]);
  assert.deepEqual(groups[2].lines[0].values, [null, 1]);
});

test("of too many lines the largest are shown, and how many aren't is said", () => {
  const rows = Array.from({ length: 11 }, (_, i) => row("rx", `eth${i}`, [i + 1, i + 1], "kB/s"));
  const [group] = telemetryGroups(rows);
  assert.deepEqual(group.lines.map((line) => line.label), [3, 4, 5, 6, 7, 8, 9, 10].map((i) => `rx eth${i}`));
  assert.equal(group.left_out, 3);
});

test("one line with larger peaks than means shows both", () => {
  const [group] = telemetryGroups([{ ...row("ram", "", [10, 20], "kB"), max: [15, 30] }]);
  assert.ok(group.mean_and_max);
  assert.deepEqual(group.lines.map((line) => line.values), [[10240, 20480], [15360, 30720]]);
  assert.equal(telemetryGroups([row("ram", "", [10, 20], "kB")])[0].mean_and_max, false);
});

test("the distribution's shares add up to all, and every edge knows the share before it", () => {
  const made = distribution({ lower_s: [0.001, 0.002, 0.004], upper_s: [0.002, 0.004, 0.008], count: [25, 50, 25] });
  const sum = made.share.reduce((all, one) => all + (one ?? 0), 0);
  assert.ok(Math.abs(sum - 100) < 1e-9);
  assert.equal(made.cdf[0], 0);
  assert.ok(Math.abs(made.cdf.at(-1) - 100) < 1e-9);
  made.edges.forEach((edge, i) => {
    const before = made.share.slice(0, i).reduce((all, one) => all + one, 0);
    assert.ok(Math.abs(made.cdf[i] - before) < 1e-9, `at ${edge}`);
  });
  const half = made.edges.findIndex((edge) => edge > Math.sqrt(0.002 * 0.004));
  assert.ok(Math.abs(made.cdf[half] - 50) < 7, String(made.cdf[half]));
});

test("a distribution of even density stays even where the document's buckets widen", () => {
  const lower_s = [], upper_s = [], count = [];
  for (const [width, from] of [[1, 32], [2, 64]])
    for (let i = 0; i < 32; i++) {
      lower_s.push((from + i * width) * 1e-5);
      upper_s.push((from + (i + 1) * width) * 1e-5);
      count.push(width * 100);
    }
  const inside = distribution({ lower_s, upper_s, count }).share.slice(1, -2);
  for (let i = 1; i < inside.length; i++) assert.ok(inside[i] / inside[i - 1] < 1.1, inside.join(" "));
});

test("a distribution of nothing is none, of a single value one bin", () => {
  assert.equal(distribution({ lower_s: [], upper_s: [], count: [] }), null);
  const one = distribution({ lower_s: [0], upper_s: [1e-9], count: [7] });
  assert.ok(Math.abs(one.share.reduce((all, share) => all + (share ?? 0), 0) - 100) < 1e-9);
  assert.ok(one.edges.every((edge, i) => i === 0 || edge > one.edges[i - 1]), one.edges.join(" "));
});

test("a logarithmic axis has lines at whole digits and numbers where there is room", () => {
  const { at, named } = logTicks(0.0004, 0.003);
  assert.deepEqual(at, [0.0004, 0.0005, 0.0006, 0.0007, 0.0008, 0.0009, 0.001, 0.002, 0.003]);
  assert.deepEqual(at.filter((_, i) => named[i]), [0.0005, 0.0007, 0.001, 0.002, 0.003]);
  const wide = logTicks(1e-6, 10);
  assert.equal(wide.at.filter((_, i) => wide.named[i]).length, 8);
});

test("the books are added up again, not believed", () => {
  const ledger = { intended: 10, sent: 8, not_sent: { no_route: 2 }, answered: 5, failed: { reset: 1, timeout: 1 },
    in_flight_at_end: 1, traces: { made: 10, stored: 9, spooled: 0, lost: 0 } };
  assert.deepEqual(balances(ledger).map((one) => one.right), [true, true, false]);
});

test("facts of the host are said in words", () => {
  assert.deepEqual(hostFacts({ arch: "amd64", ram: "2048", cpu_model: "x", disk: "" }),
    [["arch", "amd64"], ["memory", "2.0 MiB"], ["cpu model", "x"]]);
});

test("the CPU of a machine is shown with niced programs and interrupts, where that is known", () => {
  const groups = telemetryGroups([row("cpu", "", [1, 1]), row("cpu_busy", "", [60, 60])]);
  assert.deepEqual(groups.map((one) => [one.title, one.lines.map((line) => line.values)]),
    [["CPU of the machine", [[60, 60]]]]);
  assert.deepEqual(telemetryGroups([row("cpu", "", [1, 1])])[0].lines[0].values, [1, 1]);
});

test("the time axis covers requests and telemetry, and is never empty", () => {
  const result = { series: { t_s: [0, 1], width_s: 1 }, telemetry: [row("cpu", "", [1, 1, 1, 1, 1])] };
  assert.deepEqual(timeSpan(result), [0, 4]);
  assert.deepEqual(timeSpan({ series: { t_s: [], width_s: 1 }, telemetry: [] }), [0, 1]);
});
