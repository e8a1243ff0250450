// The result document (schema/result.schema.json). Times are seconds; null is "no value".

export type Maybe = number | null;
export type Figure = "min" | "mean" | "p50" | "p90" | "p95" | "p99" | "p999" | "max";
export interface Figures extends Record<Figure, Maybe> {
  count: number; stddev: Maybe;
  at_least: Figure[];  // known to be at least that: what was never answered took longer
}
// latency_s is of all requests, the others of those that were answered and that failed.
export interface Latencies { latency_s: Figures; latency_answered_s: Figures; latency_failed_s: Figures }
export interface Group extends Latencies { name: string; answered: number; failed: number }
export interface Rates {
  span_s: Maybe; offered_rps: Maybe; sent_rps: Maybe; achieved_rps: Maybe; failed_rps: Maybe;
}
export interface Phase extends Group, Rates { start_s: number; end_s: number; warmup: boolean }
type Values = Maybe[];
export interface TelemetryRow {
  node: string; metric: string; subsystem: string; unit: string;
  t_s: number[]; mean: Values; max: Values;
  pod?: string; container?: string; containers?: number;  // whose container it is, where that is known
}
export interface Mark { t_s: number; name: string; text: string }
type Word = string | null;
// Times between two machines; null where their clocks make it unknown.
export interface Leg { from: string; to: string; time_s: Figures | null; negative: number }
export interface Placement {
  application: string; node: Word; zone: Word; pods: Maybe; answered: number; failed: number;
  latency_answered_s: Figures | null; execution_s: Figures | null; cpu_s: Maybe; cpu_s_per_request: Maybe;
}
export interface Pod {
  name: string; namespace: Word; uid: string; function: Word; node: Word; zone: Word; ip: Word;
  containers: { name: string; image: Word; ids: string[] }[];
  running_s: Maybe; ended_s: Maybe; cpu_s: Maybe; memory_max_bytes: Maybe;
  cpu_limit_periods: Maybe; cpu_limit_throttled: Maybe;
}
export interface Cluster {
  nodes: { name: string; zone: Word }[];
  pods: Pod[]; pods_left_out: number;
  replicas: { function: string; node: Word; t_s: number[]; count: number[] }[];
  weights: { function: string; zone: string; t_s: number[]; targets_left_out: number;
    targets: { target: string; name: Word; weight: Values }[] }[];
  weights_left_out: number;
  hops: { application: string; gateways: string[]; requests: number;
    way: { time_s: Figures | null; negative: number } | null; legs: Leg[] }[];
  hops_left_out: number;
  placement: Placement[];
}
export interface Ledger {
  intended: number; sent: number; not_sent: Record<string, number>; answered: number;
  failed: Record<string, number>; in_flight_at_end: number; retried: number; warmup: number;
  traces: { made: number; stored: number; spooled: number; lost: number }; balanced: boolean;
}
export interface Threshold {
  expression: string; value: Maybe; limit: number; unit: string; passed: boolean;
  at_least: boolean;  // the value
  undecided: string;  // why nobody can say whether it holds; empty: it is decided
}
export interface Result extends Latencies {
  schema: number;
  experiment: {
    id: string; name: string; creator: string; created: number | null; start: number | null;
    end: number | null; status: string; duration_s: number | null;
  };
  verdict: { value: "VALID" | "SUSPECT" | "INVALID"; reasons: string[] };
  thresholds: Threshold[];
  mode: "open" | "closed" | "mixed";
  dispatch_error_s: Figures; service_time_s: Figures;
  rate: Rates & { bytes_in_per_s: Maybe; bytes_out_per_s: Maybe; tail_s: number };
  ledger: Ledger;
  status_codes: Record<string, number>;
  services: Group[]; servers: Group[]; phases: Phase[];
  steps?: Group[]; checks?: { name: string; passed: number; failed: number }[];
  series: {
    width_s: number; t_s: number[]; offered: number[]; sent: number[]; achieved: number[];
    failed: number[]; in_flight: number[]; p50: Values; p90: Values; p99: Values; max: Values;
    dispatch_p99: Values;
  };
  histogram: { lower_s: number[]; upper_s: number[]; count: number[] };
  events: { list: Mark[]; left_out: number };
  cluster: Cluster | null;
  telemetry: TelemetryRow[];
  generator: {
    cpu_s: number; cpu_pct: number; cpu_per_request_us: number; busiest_loop_pct: number;
    rss_max_bytes: number; threads: number;
    tls?: { handshakes: number; resumed: number; unverified: number; crl_checked?: number };  // where there were any
    http?: { connections: number; requests_1: number; requests_2: number; given_up: number };  // where any connection was made
  };
  provenance: {
    galileo_version: string; seed: number; command: string[]; host: Record<string, string>;
    file_path: string; file_text: string; plan: unknown; database: string; spool: string; report: string;
  };
  metadata: Record<string, unknown>;  // of the user's
  notes: string[];
}
