import assert from "node:assert/strict";
import { test } from "node:test";
import { distribution, slope, telemetryGroups, timeSpan } from "../dist/test/data.mjs";

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
    ["Memory of the machine", "Network", "Pressure stall (share of time)", "new_metric"]);
  assert.deepEqual(groups[1].lines.map((line) => line.label), ["rx eth0"]);
  assert.deepEqual(groups[1].lines[0].values, [1000, 2000]);
  assert.deepEqual(groups[0].lines[0].values, [1024000, 1024000]);
  assert.deepEqual(groups[2].lines[0].values, [null, 1]);
});

test("the distribution's shares add up to all", () => {
  const { share, cdf } = distribution({ lower_s: [0, 1, 2], upper_s: [1, 2, 3], count: [1, 2, 1] });
  assert.deepEqual(share, [25, 50, 25]);
  assert.deepEqual(cdf, [25, 75, 100]);
});

test("the time axis covers requests and telemetry, and is never empty", () => {
  const result = { series: { t_s: [0, 1], width_s: 1 }, telemetry: [row("cpu", "", [1, 1, 1, 1, 1])] };
  assert.deepEqual(timeSpan(result), [0, 4]);
  assert.deepEqual(timeSpan({ series: { t_s: [], width_s: 1 }, telemetry: [] }), [0, 1]);
});
