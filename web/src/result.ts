// The result document (schema/result.schema.json). Times are seconds; null is "no value".

export interface Figures {
  count: number; min: number; mean: number; stddev: number; p50: number; p90: number; p95: number;
  p99: number; p999: number; max: number;
}
export interface Group { name: string; latency_s: Figures; answered: number; failed: number }
export interface Phase extends Group {
  start_s: number; end_s: number; offered_rps: number; achieved_rps: number; warmup: boolean;
}
type Values = (number | null)[];
export interface TelemetryRow {
  node: string; metric: string; subsystem: string; unit: string;
  t_s: number[]; mean: Values; max: Values;
}
export interface Ledger {
  intended: number; sent: number; not_sent: Record<string, number>; answered: number;
  failed: Record<string, number>; in_flight_at_end: number; retried: number; warmup: number;
  traces: { made: number; stored: number; spooled: number; lost: number }; balanced: boolean;
}
export interface Result {
  schema: number;
  experiment: {
    id: string; name: string; creator: string; created: number | null; start: number | null;
    end: number | null; status: string; duration_s: number | null;
  };
  verdict: { value: "VALID" | "SUSPECT" | "INVALID"; reasons: string[] };
  thresholds: { expression: string; value: number | null; limit: number; unit: string; passed: boolean }[];
  mode: "open" | "closed" | "mixed";
  latency_s: Figures; dispatch_error_s: Figures; service_time_s: Figures;
  rate: {
    offered_rps: number; sent_rps: number; achieved_rps: number; failed_rps: number;
    bytes_in_per_s: number; bytes_out_per_s: number;
  };
  ledger: Ledger;
  status_codes: Record<string, number>;
  services: Group[]; servers: Group[]; phases: Phase[];
  series: {
    width_s: number; t_s: number[]; offered: number[]; sent: number[]; achieved: number[];
    failed: number[]; in_flight: number[]; p50: Values; p90: Values; p99: Values; max: Values;
    dispatch_p99: Values;
  };
  histogram: { lower_s: number[]; upper_s: number[]; count: number[] };
  telemetry: TelemetryRow[];
  generator: {
    cpu_s: number; cpu_pct: number; cpu_per_request_us: number; busiest_loop_pct: number;
    rss_max_bytes: number; threads: number;
  };
  provenance: {
    galileo_version: string; seed: number; command: string[]; host: Record<string, string>;
    file_path: string; file_text: string; plan: unknown; database: string; spool: string; report: string;
  };
  notes: string[];
}
