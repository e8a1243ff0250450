// The one stream of a browser: read by a shared worker, or by the page where there is none. Holds
// the newest of each experiment, so that a tab that opens or comes back gets one snapshot.

export interface Heard { event: string; data: unknown }
/** To a tab. `since`: unix seconds since when nothing is heard; null: it is live. */
export type Message = Heard | { event: "link"; data: { since: number | null; status: number } };

/** Splits what comes of an event stream. A field that is cut in two waits for its rest. */
export class Reader {
  private rest = "";
  constructor(private readonly heard: (id: string, event: string, data: string) => void) {}
  take(text: string) {
    this.rest += text;
    for (let end = this.rest.indexOf("\n\n"); end >= 0; end = this.rest.indexOf("\n\n")) {
      const block = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + 2);
      const of: Record<string, string> = {};
      for (const line of block.split("\n")) {
        const colon = line.indexOf(":");
        if (colon <= 0) continue;
        const name = line.slice(0, colon);
        const value = line.slice(colon + 1).replace(/^ /, "");
        of[name] = name in of ? `${of[name]}\n${value}` : value;
      }
      if (of.data !== undefined) this.heard(of.id ?? "", of.event ?? "message", of.data);
    }
  }
}

/** How long to wait before try `tries`, in ms: 1 s doubled up to 30 s, less up to a half by chance. */
export function wait(tries: number, chance: number): number {
  return Math.max(1000, Math.min(30000, 1000 * 2 ** tries) * (1 - chance / 2));
}

/** The newest of each experiment. Pure. */
export class Newest {
  private experiments = new Map<string, { id: string }>();
  private live = new Map<string, { id: string }>();
  take(event: string, data: unknown) {
    const one = data as { id: string };
    if (event === "experiment") this.experiments.set(one.id, one);
    else if (event === "live") this.live.set(one.id, one);
    else if (event === "removed") { this.experiments.delete(one.id); this.live.delete(one.id); }
    else if (event === "reset") { this.experiments.clear(); this.live.clear(); }
    else if (event === "snapshot") {
      const all = data as { experiments: { id: string }[]; live: { id: string }[] };
      this.experiments = new Map(all.experiments.map((each) => [each.id, each]));
      this.live = new Map(all.live.map((each) => [each.id, each]));
    }
    // What a day of runs leaves is bounded; the list itself is the API's.
    for (const of of [this.experiments, this.live]) if (of.size > 500) of.delete(of.keys().next().value!);
  }
  snapshot() { return { experiments: [...this.experiments.values()], live: [...this.live.values()] }; }
}

interface Tab { post: (message: Message) => void; hidden: boolean }
const kSilence = 35000;  // ms: two of the server's comment lines

export class Feed {
  private tabs = new Set<Tab>();
  private newest = new Newest();
  private last = "";
  private since: number | null = Date.now() / 1000;
  private status = 0;
  private running = false;
  private wake: (() => void) | null = null;

  constructor(private readonly address: string) {}

  /** A tab; what it is told comes by `post`. Call the answer with what the tab says. */
  join(post: (message: Message) => void): (word: string) => void {
    const tab: Tab = { post, hidden: false };
    this.tabs.add(tab);
    this.show(tab);
    if (!this.running) { this.running = true; void this.run(); }
    return (word) => {
      if (word === "bye") this.tabs.delete(tab);
      if (word === "hidden") tab.hidden = true;
      if (word === "shown") { tab.hidden = false; this.tabs.add(tab); this.show(tab); }
      if (word === "again") this.wake?.();
    };
  }

  private show(tab: Tab) {
    tab.post({ event: "link", data: { since: this.since, status: this.status } });
    tab.post({ event: "snapshot", data: this.newest.snapshot() });
  }

  private tell(message: Message) {
    for (const tab of this.tabs) if (!tab.hidden) tab.post(message);
  }

  private link(live: boolean, status: number) {
    const since = live ? null : this.since ?? Date.now() / 1000;
    if (since === this.since && status === this.status) return;
    this.since = since;
    this.status = status;
    this.tell({ event: "link", data: { since, status } });
  }

  private async run() {
    for (let tries = 0; ; tries++) {
      const before = Date.now();
      this.link(false, await this.once());
      if (Date.now() - before > 10000) tries = 0;
      await new Promise<void>((go) => {
        const timer = setTimeout(go, wait(tries, Math.random()));
        this.wake = () => { clearTimeout(timer); tries = 0; go(); };
      });
      this.wake = null;
    }
  }

  // One connection until it ends: its status.
  private async once(): Promise<number> {
    const stop = new AbortController();
    let timer = setTimeout(() => stop.abort(), kSilence);
    try {
      const resumed = this.last ? `?last_event_id=${encodeURIComponent(this.last)}` : "";
      const answer = await fetch(this.address + resumed, { signal: stop.signal, cache: "no-store", credentials: "same-origin" });
      if (!answer.ok || !answer.body) return answer.status;
      this.link(true, 200);
      const reader = new Reader((id, event, data) => this.heard(id, event, data));
      const source = answer.body.getReader();
      const decoder = new TextDecoder();
      for (;;) {
        const { value, done } = await source.read();
        if (done) return 0;
        clearTimeout(timer);
        timer = setTimeout(() => stop.abort(), kSilence);
        reader.take(decoder.decode(value, { stream: true }));
      }
    } catch {
      return 0;
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
  }

  private heard(id: string, event: string, text: string) {
    if (id) this.last = id;
    const data: unknown = JSON.parse(text);
    this.newest.take(event, data);
    this.tell({ event, data });
  }
}
