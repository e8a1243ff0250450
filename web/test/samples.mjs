// Result documents made for the tests: an ordinary run, one without anything in it, one that failed,
// and one of ten hours with the most points and lines that a document may have.

function figures(count, base) {
  return count === 0
    ? { count: 0, min: 0, mean: 0, stddev: 0, p50: 0, p90: 0, p95: 0, p99: 0, p999: 0, max: 0 }
    : { count, min: base / 3, mean: base, stddev: base / 4, p50: base, p90: base * 1.5, p95: base * 1.8, p99: base * 2.5, p999: base * 5, max: base * 9 };
}

export function sample({ buckets = 60, width = 0.5, failing = false, lines = 1 } = {}) {
  const t = Array.from({ length: buckets }, (_, i) => i * width);
  const wave = (base, depth) => t.map((_, i) => base * (1 + depth * Math.sin(i / 7) + (depth / 3) * Math.sin(i * 1.7)));
  const answered = failing ? 0 : Math.round(buckets * 100 * width);
  const failed = failing ? buckets * 50 : 0;
  const latency = (base) => (failing ? t.map(() => null) : wave(base, 0.3));
  const telemetry = [];
  const metrics = [["cpu", "", "%", 40], ["ram", "", "kB", 800000], ["rx", "eth0", "kB/s", 120], ["tx", "eth0", "kB/s", 80],
    ["process_cpu", "app", "%", 30], ["process_rss", "app", "bytes", 2e7], ["load1", "", "", 0.6]];
  for (let n = 0; n < lines; n++)
    for (const [metric, subsystem, unit, base] of metrics)
      telemetry.push({ node: lines > 1 ? `node-${n}` : "node", metric, subsystem, unit, t_s: t, mean: wave(base, 0.2), max: wave(base * 1.2, 0.2) });
  const total = answered + failed;
  return {
    schema: 1,
    experiment: { id: "202611240900-ab12", name: failing ? "nothing answers" : "hello </script> & <b>", creator: "me", created: 1795536000, start: 1795536001, end: 1795536001 + buckets * width, status: "FINISHED", duration_s: buckets * width },
    verdict: failing ? { value: "SUSPECT", reasons: ["no request was answered"] } : { value: "VALID", reasons: [] },
    thresholds: [{ expression: "p95(latency) < 50ms", value: failing ? null : 0.012, limit: 0.05, unit: "s", passed: !failing }],
    mode: "open", latency_s: figures(answered, 0.002), dispatch_error_s: figures(total, 0.00004), service_time_s: figures(answered, 0.0019),
    rate: { offered_rps: 100, sent_rps: 100, achieved_rps: failing ? 0 : 100, failed_rps: failing ? 100 : 0, bytes_in_per_s: 9000, bytes_out_per_s: 7000 },
    ledger: { intended: total, sent: total, not_sent: {}, answered, failed: failing ? { connect_refused: failed } : {}, in_flight_at_end: 0, retried: 0, warmup: 0, traces: { made: total, stored: total, spooled: 0, lost: 0 }, balanced: true },
    status_codes: failing ? {} : { 200: answered },
    services: [{ name: "hello", latency_s: figures(answered, 0.002), answered, failed }], servers: [{ name: "127.0.0.1:8080", latency_s: figures(answered, 0.002), answered, failed }],
    phases: buckets === 0 ? [] : [{ name: "warmup", latency_s: figures(0, 0), answered: 0, failed: 0, start_s: 0, end_s: buckets * width * 0.1, offered_rps: 100, achieved_rps: 0, warmup: true },
      { name: "main", latency_s: figures(answered, 0.002), answered, failed, start_s: buckets * width * 0.1, end_s: buckets * width, offered_rps: 100, achieved_rps: 100, warmup: false }],
    series: { width_s: width, t_s: t, offered: wave(100, 0.1), sent: wave(100, 0.1), achieved: failing ? t.map(() => 0) : wave(99, 0.1), failed: failing ? wave(100, 0.1) : t.map(() => 0), in_flight: t.map((_, i) => i % 5), p50: latency(0.002), p90: latency(0.003), p99: latency(0.005), max: latency(0.02), dispatch_p99: wave(0.00008, 0.5) },
    histogram: failing || buckets === 0 ? { lower_s: [], upper_s: [], count: [] } : { lower_s: t.map((_, i) => 0.0005 * 1.06 ** i), upper_s: t.map((_, i) => 0.0005 * 1.06 ** (i + 1)), count: t.map((_, i) => Math.round(1000 * Math.exp(-((i - 20) ** 2) / 50)) + 1) },
    telemetry: buckets === 0 ? [] : telemetry,
    generator: { cpu_s: 1.2, cpu_pct: 4, cpu_per_request_us: 30, busiest_loop_pct: 3, rss_max_bytes: 12e6, threads: 2 },
    provenance: { galileo_version: "0.1.0", seed: 7, command: ["galileo", "run", "x.yaml"], host: { arch: "amd64", cpus: "2" }, file_path: "x.yaml", file_text: "name: hello\n# </script>\n", plan: { name: "hello" }, database: "galileo.sqlite", spool: "", report: "report.html" },
    notes: failing ? ["application ended during the run: hello (exit status 1)"] : [],
  };
}
