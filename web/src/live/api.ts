// Calls of the API, by addresses relative to the page: it may lie below any path of a proxy.

export interface Experiment {
  id: string; name: string; creator: string; tags: string[]; status: string; state: string;
  reason: string | null; created: number | null; start: number | null; end: number | null;
  place: number | null; rerun_of: string | null; daemon: string | null;
}
export interface Quantiles { count?: number; p50?: number | null; p90?: number | null; p95?: number | null; p99?: number | null; p999?: number | null; max?: number | null }
export interface Told { id: string; claim: number; n: number }
export interface Point extends Told {
  t: number; every_s: number; offered_rps: number | null; achieved_rps: number | null; failed_rps: number | null;
  in_flight: number | null; latency_s?: Quantiles; lateness_s?: Quantiles; errors?: Record<string, number>;
}
export interface RunEvent extends Told { t: number; name: string; value: unknown }
export interface State extends Told {
  at: number; stage: string; status: string; started: number | null; phase: string; elapsed_s: number;
  duration_expected_s: number | null; intended: number; answered: number; failed: number; not_sent: number; in_flight: number;
  offered_rps: number | null; achieved_rps: number | null; failed_rps: number | null; latency_s?: Quantiles;
  lateness_s?: Quantiles; total?: { latency_s?: Quantiles }; errors?: Record<string, number>; trouble?: string;
  paused?: boolean; steer?: { can: boolean; why?: string }; verdict: string | null; reason: string | null;
}
export interface Live { state: State | null; points: Point[]; points_10: Point[]; points_60: Point[]; events: RunEvent[] }
export interface Session { name: string; scopes: string[]; via: string; needs_login: boolean }
export interface Route { service: string; hosts: { host: string; weight: number }[]; etag: string }

/** What the API refused, in its own words. */
export class Problem extends Error {
  constructor(readonly status: number, text: string, readonly body: Record<string, unknown>) { super(text); }
}

function words(body: Record<string, unknown>, status: number): string {
  const errors = Array.isArray(body.errors) ? body.errors as { where?: string; what?: string }[] : [];
  return [body.detail ?? body.title ?? `the server answered ${status}`, body.hint,
    ...errors.map((error) => `${error.where ?? ""}: ${error.what ?? ""}`)].filter(Boolean).join("\n");
}

const kPatience = 20000;  // of a call, in ms

export async function ask<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), kPatience);
  try {
    const answer = await fetch(`api/v1/${path}`, {
      method, signal: stop.signal, credentials: "same-origin", cache: "no-store",
      headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    let read: unknown = null;
    try { read = text ? JSON.parse(text) : null; } catch { read = { detail: `the answer ${answer.status} isn't the API's` }; }
    const told = (read ?? {}) as Record<string, unknown>;
    if (!answer.ok) throw new Problem(answer.status, words(told, answer.status), told);
    return read as T;
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(0, stop.signal.aborted ? "the server hasn't answered for 20 s" : "the server can't be reached", {});
  } finally {
    clearTimeout(timer);
  }
}

export const of = (id: string) => `experiments/${encodeURIComponent(id)}`;
