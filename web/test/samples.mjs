// Result documents made for the tests, in the shape of schema/result.schema.json (tests/process/run_test.py
// holds them to it). As a program it prints one: node test/samples.mjs ordinary
import { pathToFileURL } from "node:url";

function figures(count, base) {
  const at = (factor) => (count === 0 ? null : base * factor);
  const past = (share, factor) => (count * (1 - share) < 10 ? null : base * factor);
  return { count, min: at(1 / 3), mean: at(1), stddev: at(1 / 4), p50: past(0.5, 0.95), p90: past(0.9, 1.5),
    p95: past(0.95, 1.8), p99: past(0.99, 2.5), p999: past(0.999, 5), max: at(9), at_least: [] };
}

const metrics = [["cpu", "", "%", 40], ["freq", "", "kHz", 5.2e6], ["procs", "", "", 4], ["ram", "", "kB", 8e5],
  ["load1", "", "", 0.6], ["load5", "", "", 0.5], ["rx", "eth0", "kB/s", 120], ["tx", "eth0", "kB/s", 80],
  ["rx", "idle0", "kB/s", 0], ["rd", "vda", "kB/s", 12], ["wr", "vda", "kB/s", 900], ["psi_cpu", "some", "us", null],
  ["psi_io", "full", "us", null], ["process_cpu", "app", "%", 30], ["process_cpu", "galileo", "%", 9],
  ["process_rss", "app", "bytes", 2e7], ["process_rss", "galileo", "bytes", 1.4e7], ["process_threads", "app", "", 3],
  ["process_fds", "app", "", 60], ["process_read", "app", "bytes", null], ["process_written", "app", "bytes", null]];

function telemetry(t, wave, nodes) {
  const rows = [];
  for (let n = 0; n < nodes; n++)
    for (const [metric, subsystem, unit, base] of metrics) {
      const mean = base === null ? t.map((at, i) => 1e8 + at * 30000 + 400 * (i % 7)) : wave(base, 0.2);
      rows.push({ node: nodes > 1 ? `node-${n}` : "node", metric, subsystem, unit, t_s: t, mean,
        max: mean.map((value) => value * 1.1) });
    }
  return rows;
}

// Buckets as the program's: their width doubles with each power of two.
function histogram(answered) {
  const made = { lower_s: [], upper_s: [], count: [] };
  for (let octave = 0; octave < 7 && answered > 0; octave++)
    for (let i = 0; i < 32; i++) {
      const width = 2 ** octave * 8e-6;
      const lower = width * (32 + i);
      const n = Math.round((answered * width * Math.exp(-(Math.log(lower / 0.0019) ** 2) / 0.18)) / (lower * 0.75));
      if (n === 0) continue;
      made.lower_s.push(lower);
      made.upper_s.push(lower + width);
      made.count.push(n);
    }
  return made;
}

export function sample({ buckets = 300, width = 0.1, failing = false, nodes = 1 } = {}) {
  const t = Array.from({ length: buckets }, (_, i) => i * width);
  const wave = (base, depth) =>
    t.map((_, i) => base * (1 + depth * Math.sin(i / 27) + (depth / 3) * Math.sin(i * 1.7)));
  const total = Math.round(buckets * 300 * width);
  const warmup = Math.round(total / 10);
  const answered = failing ? 0 : total;
  const failed = total - answered;
  const counted = failing ? 0 : total - warmup;
  const latency = (base) => (failing ? t.map(() => null) : wave(base, 0.3));
  const end = buckets * width;
  const latencies = (base) => ({
    latency_s: { ...figures(counted + failed, base),
      at_least: failed ? ["min", "mean", "p50", "p90", "p95", "p99", "p999", "max"] : [] },
    latency_answered_s: figures(counted, base), latency_failed_s: figures(failed, base) });
  const rates = { span_s: total ? end : null, offered_rps: total ? 300 : null, sent_rps: total ? 300 : null,
    achieved_rps: total ? answered && 300 : null, failed_rps: total ? failed && 300 : null };
  const group = (name) => ({ name, ...latencies(0.002), answered: counted, failed });
  const phase = (name, start_s, end_s, warm) => ({ ...group(name), ...rates, start_s, end_s, warmup: warm });
  const refused = "127.0.0.1:8080: connection refused";
  return {
    schema: 1,
    experiment: { id: "202611240900-ab12", name: failing ? "nothing answers" : "hello </script> & <b>",
      creator: "me", created: 1795536000, start: buckets ? 1795536001 : null, end: buckets ? 1795536001 + end : null,
      status: buckets ? "FINISHED" : "FAILED", duration_s: buckets ? end : null },
    verdict: failing ? { value: "SUSPECT", reasons: ["no request was answered"] }
      : buckets ? { value: "VALID", reasons: [] } : { value: "INVALID", reasons: ["no request was made"] },
    thresholds: buckets === 0 ? [] : [
      { expression: "p95(latency) < 50ms", value: failing ? 0.0036 : 0.012, limit: 0.05, unit: "s", passed: !failing,
        at_least: failing, undecided: "" },
      { expression: "failed == 0", value: failed, limit: 0, unit: "", passed: failed === 0, at_least: false,
        undecided: "" },
      { expression: "max(cpu) < 30%", value: 0.442, limit: 0.3, unit: "share", passed: false, at_least: false,
        undecided: "" }],
    mode: "open",
    ...latencies(0.002), dispatch_error_s: figures(total, 4e-5), service_time_s: figures(counted, 0.0019),
    rate: { ...rates, bytes_in_per_s: total ? 27000 : null, bytes_out_per_s: total ? 21000 : null, tail_s: 0.002 },
    ledger: { intended: total, sent: total, not_sent: {}, answered, failed: failed ? { connect_refused: failed } : {},
      in_flight_at_end: 0, retried: failing ? 0 : 3, warmup, traces: { made: total, stored: total, spooled: 0, lost: 0 },
      balanced: true },
    status_codes: answered ? { 200: answered } : {},
    services: buckets ? [group("hello")] : [], servers: buckets ? [group("127.0.0.1:8080")] : [],
    phases: buckets === 0 ? [] : [phase("warmup", 0, end * 0.1, true), phase("steady", end * 0.1, end * 0.6, false),
      phase("peak", end * 0.6, end, false)],
    series: { width_s: width, t_s: t, offered: wave(300, 0.1), sent: wave(300, 0.1),
      achieved: failing ? t.map(() => 0) : wave(298, 0.1), failed: failing ? wave(300, 0.1) : t.map(() => 0),
      in_flight: t.map((_, i) => i % 5), p50: latency(0.002), p90: latency(0.003), p99: latency(0.005),
      max: latency(0.02), dispatch_p99: wave(8e-5, 0.5) },
    histogram: histogram(counted),
    events: { list: buckets === 0 ? [] : [{ t_s: end * 0.4, name: "deploy", text: "v2 </script>" }], left_out: 0 },
    cluster: null,
    telemetry: buckets === 0 ? [] : telemetry(t, wave, nodes),
    generator: { cpu_s: 1.2, cpu_pct: 4, cpu_per_request_us: 30, busiest_loop_pct: 3, rss_max_bytes: 12e6, threads: 2,
      tls: { handshakes: 4000, resumed: 3990, unverified: failing ? 10 : 0 } },
    fail_on: "400-999",
    provenance: { galileo_version: "0.1.0", seed: 7, command: ["galileo", "run", "x.yaml"],
      host: { arch: "amd64", cpus: "2", ram: "24684092", boot: "1795531255", hostname: "here" }, file_path: "x.yaml",
      file_text: "name: hello\n# </script> \u2028\n", plan: { name: "hello" }, database: "galileo.sqlite", spool: "",
      report: "report.html" },
    metadata: failing ? {} : { exp: { host: "n1", app_name: "hello" }, note: "<b>" },
    notes: failing ? [`the application 'hello' ended during the run: ${refused}`] : [],
  };
}

// Two nodes and two functions, of which one is scaled up and back; a container that was started again; weights that follow;
// a gateway in each zone; clocks that differ on the way back. Names are a stranger's.
export function cluster({ buckets = 300, width = 0.1 } = {}) {
  const made = sample({ buckets, width });
  const end = buckets * width;
  const id = (letter) => letter.repeat(64);
  const pod = (name, of, node, zone, running_s, ended_s, ids, cpu_s = 1.5) => ({ name, namespace: "default", uid: `uid-${name}`,
    function: of, node, zone, ip: "10.42.0.7", containers: [{ name: "main", image: "app:1", ids }], running_s, ended_s, cpu_s,
    memory_max_bytes: cpu_s === null ? null : 5e7,
    cpu_limit_periods: cpu_s === null ? null : 120, cpu_limit_throttled: cpu_s === null ? null : 30 });
  const up = end / 3, down = (2 * end) / 3;
  const pods = [pod("resnet-0", "resnet", "pi-1", "zone-a", 0, null, [id("a"), id("b")]),
    pod("resnet-1", "resnet", "pi-2", "zone-b", up, down, [id("c")]), pod("resnet-2", "resnet", "pi-2", "zone-b", up + 1, null, [id("d")], null),
    pod("<b>pi</b>", "python-pi", "pi-1", "zone-a", 0, null, [id("e")])];
  const usage = (name, letter, from, to, base, containers = 1) => ["kubernetes_cgrp_cpu", "kubernetes_cgrp_memory"].map((metric) => {
    const t = made.series.t_s.filter((at) => at >= from && at < to);
    const mean = t.map((at, i) => (metric.endsWith("cpu") ? (at - from) * base * 1e9 : 4e7 + base * 1e7 + 1e5 * (i % 9)));
    return { node: "pi-1", metric, subsystem: id(letter), unit: metric.endsWith("cpu") ? "ns" : "bytes", t_s: t, mean, max: mean, pod: name,
      container: "main", containers };
  });
  const leg = (from, to, base, negative = 0) => ({ from, to, time_s: negative ? null : figures(500, base), negative });
  const row = (application, node, zone, n, answered, failed, cpu) => ({ application, node, zone, pods: n, answered, failed,
    latency_answered_s: answered ? figures(answered, 0.02) : null, execution_s: answered ? figures(answered, 0.012) : null,
    cpu_s: cpu === null ? null : cpu * answered, cpu_s_per_request: cpu });
  const mark = (t_s, name, text) => ({ t_s, name, text });
  return { ...made,
    events: { left_out: 0, list: [mark(0, "pod/running", "resnet-0 on pi-1"), mark(0, "pod/running", "<b>pi</b> on pi-1"),
      mark(up - 1, "scale", '{"value": 3, "function_name": "resnet"}'), mark(up - 0.5, "pod/create", "resnet-1"),
      mark(up, "pod/running", "resnet-1 on pi-2"), mark(up + 0.3, "weight_update", "resnet in zone-b: 2 targets"),
      mark(up + 1, "pod/running", "resnet-2 on pi-2"), mark(end / 2, "container/oom", '{"name": "resnet-0"}'),
      mark(down, "pod/shutdown", "resnet-1 on pi-2"), mark(down + 0.2, "pod/shutdown", "resnet-1 on pi-2"),
      mark(down + 1, "pod/delete", "resnet-1 on pi-2")] },
    cluster: { nodes: [{ name: "pi-1", zone: "zone-a" }, { name: "pi-2", zone: "zone-b" }], pods, pods_left_out: 0,
      replicas: [{ function: "python-pi", node: null, t_s: [0], count: [1] },
        { function: "resnet", node: null, t_s: [0, up, up + 1, down], count: [1, 2, 3, 2] },
        { function: "resnet", node: "pi-1", t_s: [0], count: [1] },
        { function: "resnet", node: "pi-2", t_s: [up, up + 1, down], count: [1, 2, 1] }],
      weights: [{ function: "resnet", zone: "zone-b", t_s: [0, up + 0.3, down - 0.3], targets_left_out: 0, targets: [
        { target: "10.42.0.7:8080", name: "resnet-0", weight: [1, 1, 1] }, { target: "10.42.1.8:8080", name: "resnet-1", weight: [null, 3, null] },
        { target: "192.168.0.9:8080", name: null, weight: [null, 0.5, 2] }] }],
      weights_left_out: 0,
      hops: [{ application: "resnet", gateways: ["gw-a", "gw-b"], requests: 500, way: { time_s: figures(500, 0.008), negative: 0 }, legs: [
        leg("client", "gw-a", 0.001), leg("gw-a", "gw-b", 0.002), leg("gw-b", "resnet", 0.003), leg("resnet", "resnet", 0.012),
        leg("resnet", "client", 0, 500)] },
      { application: "python-pi", gateways: ["gw-a"], requests: 20, way: null, legs: [leg("client", "gw-a", 0.001),
        leg("gw-a", "client", 0.03)] }],
      hops_left_out: 7,
      placement: [row("python-pi", "pi-1", "zone-a", 1, 40, 0, 0.4), row("resnet", "pi-1", "zone-a", 1, 700, 2, 0.011),
        row("resnet", "pi-2", "zone-b", 2, 500, 0, null), row("resnet", null, null, null, 0, 12, null)] },
    telemetry: [...made.telemetry, ...usage("resnet-0", "a", 0, end / 2, 0.6), ...usage("resnet-0", "b", end / 2 + 1, end, 0.7),
      ...usage("resnet-1", "c", up, down, 0.4), ...usage("<b>pi</b>", "e", 0, end, 0.2)] };
}

export const samples = {
  cluster: () => cluster(),
  ordinary: () => sample(),
  empty: () => sample({ buckets: 0 }),
  failing: () => sample({ failing: true }),
  ten_hours: () => sample({ buckets: 600, width: 60 }),
};

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  process.stdout.write(JSON.stringify(samples[process.argv[2]]()));
