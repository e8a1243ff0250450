import assert from "node:assert/strict";
import { test } from "node:test";
import { chartMarks, kindOf, replicas, steps, weights } from "../dist/test/cluster.mjs";
import { telemetryGroups } from "../dist/test/data.mjs";
import { cluster } from "./samples.mjs";

test("steps hold until the next one, from what was before to the end", () => {
  const made = steps([{ label: "a", t: [1, 3], values: [5, 2] }, { label: "b", t: [2], values: [null] }], 0, 4);
  assert.deepEqual(made.x, [0, 1, 2 - 4e-6, 2, 3, 4]);
  assert.deepEqual(made.lines[0].values, [0, 5, 5, 5, 2, 2]);
  assert.deepEqual(made.lines[1].values, [0, 0, 0, null, null, null]);
  assert.deepEqual(steps([], 0, 4), { x: [0, 4], lines: [] });
});

test("replicas are drawn by function, and by node where there are several", () => {
  const charts = replicas(cluster().cluster, 30);
  assert.deepEqual(charts.map((one) => one.title), ["Replicas", "Placement: replicas of resnet by node"]);
  assert.deepEqual(charts[0].steps.lines.map((line) => line.label), ["python-pi", "resnet"]);
  assert.equal(charts[0].steps.lines[1].values.at(-1), 2);
});

test("a target that isn't in the list has no weight, and one without a pod its address", () => {
  const [chart] = weights(cluster().cluster, 30);
  assert.deepEqual(chart.steps.lines.map((line) => line.label), ["resnet-0", "resnet-1", "192.168.0.9:8080"]);
  assert.equal(chart.steps.lines[1].values[0], null);
  assert.equal(chart.steps.lines[1].values.at(-1), null);
});

test("a pod's end is one mark, however often it is told, and its way to running none", () => {
  const marks = chartMarks(cluster());
  assert.equal(marks.filter((mark) => mark.text.startsWith("resnet-1")).length, 2);
  assert.ok(!marks.some((mark) => mark.name === "pod/create"));
  const kinds = { "pod/running": "begins", "pod/delete": "ends", "container/oom": "ends", "application/failure": "ends", "node/ready": "other", weight_update: "weights", scale: "other" };
  for (const [name, kind] of Object.entries(kinds)) assert.equal(kindOf({ t_s: 0, name, text: "" }), kind);
});

test("containers are drawn by their pods' names, one line whatever their ids", () => {
  const group = telemetryGroups(cluster().telemetry).find((one) => one.title === "CPU by pod (of one core)");
  assert.deepEqual(group.lines.map((line) => line.label), ["resnet-0", "resnet-1", "<b>pi</b>"]);
  const [first] = group.lines;
  assert.ok(first.values.every((value) => value === null || (value > 55 && value < 75)), "a restart isn't a slope");
});

test("two containers of a pod are told apart, a part of one keeps its name, and of strangers' digits a few are enough", () => {
  const row = (subsystem, more) => ({ node: "n", metric: "kubernetes_cgrp_net", subsystem, unit: "bytes", t_s: [0, 1, 2],
    mean: [0, 10, 30], max: [0, 10, 30], ...more });
  const stranger = row("c".repeat(64), {});
  const [group] = telemetryGroups([row("aa", { pod: "p", container: "c1", containers: 2 }),
    row("bb/eth0/rx", { pod: "q", container: "c", containers: 1 }), stranger]);
  assert.equal(group.title, "Network by pod");
  assert.deepEqual(group.lines.map((line) => line.label), ["p/c1", "q eth0/rx"]);
  assert.equal(group.left_out, 1);
  const [alone] = telemetryGroups([stranger]);
  assert.equal(alone.title, "Network of containers");
  assert.deepEqual(alone.lines.map((line) => line.label), ["cccccccccccc"]);
});
