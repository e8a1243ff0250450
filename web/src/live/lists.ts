// The list of experiments, and the queue.
import { element, nothing, section, table } from "../dom";
import { inUnit, seconds } from "../format";
import { ask, of, type Experiment, type State } from "./api";
import { button, field, linkTo, may, over, problems, stateOf, sure, tagsOf, when, type Shown } from "./view";

interface Page { experiments: Experiment[]; total: number; next: string | null }
const kStates = ["", "queued", "starting", "running", "paused", "cancelling", "interrupted", "finished", "failed", "cancelled"];

export async function experiments(shown: Shown) {
  const words = field("Search", { type: "search", placeholder: "id, name, creator, tag" });
  const state = field("State", {}, "select");
  state.input.append(...kStates.map((name) => element("option", { value: name }, name || "any")));
  const trouble = problems();
  const place = element("div");
  const live = new Map<string, State>();
  let all: Experiment[] = [];
  let total = 0, next: string | null = null, asked = 0;

  function draw() {
    const rows = all.map((one) => {
      const now = live.get(one.id);
      const latency = now?.total?.latency_s?.p99 ?? null;
      return [linkTo(one), one.name, stateOf(one), over(one) ? now?.verdict ?? "" : "", latency === null ? "–" : seconds(latency),
        !now || over(one) ? "–" : inUnit(now.achieved_rps, "rps"), one.creator, when(one.created), tagsOf(one)];
    });
    place.replaceChildren(
      element("p", { class: "soft" }, `${all.length} of ${total}. The 99th percentile is of the whole run so far, the rate of its last second.`),
      rows.length ? table(["id", "name", "state", "verdict", "#p99, whole run", "#answers, last second", "by", "created", "tags"], rows)
        : nothing("No experiment is like that."));
    if (next) place.append(button("More", () => load(true)));
  }

  async function load(more = false) {
    const mine = ++asked;
    const query = new URLSearchParams({ limit: "50" });
    if (words.input.value) query.set("q", words.input.value);
    if (state.input.value) query.set("state", state.input.value);
    if (more && next) query.set("after", next);
    try {
      const page = await ask<Page>("GET", `experiments?${query}`);
      if (mine !== asked) return;
      trouble.clear();
      all = more ? [...all, ...page.experiments] : page.experiments;
      ({ total, next } = page);
      draw();
    } catch (error) { trouble.show(error); }
  }

  let timer = 0;
  const later = () => { clearTimeout(timer); timer = window.setTimeout(() => void load(), 250); };
  words.input.addEventListener("input", later);
  state.input.addEventListener("change", later);
  shown.leave.push(() => clearTimeout(timer));
  shown.root.append(element("h1", {}, "Experiments"), element("div", { class: "form", role: "search" }, words.label, state.label),
    trouble.box, place);
  let due = 0;
  const drawSoon = () => { if (!due) due = window.setTimeout(() => { due = 0; draw(); }, 500); };
  shown.leave.push(() => clearTimeout(due));
  shown.hear((event, data) => {
    if (event === "snapshot") for (const one of (data as { live: State[] }).live) live.set(one.id, one);
    if (event === "live") { live.set((data as State).id, data as State); drawSoon(); }
    if (event === "experiment") {
      const at = all.findIndex((one) => one.id === (data as Experiment).id);
      if (at >= 0) { all[at] = data as Experiment; drawSoon(); } else later();
    }
    if (event === "removed" || event === "reset") later();
  });
  await load();
}

interface Queue { running: Experiment[]; waiting: Experiment[]; daemons: { name: string; runs: string | null; seen: number }[] }

export async function queue(shown: Shown) {
  const trouble = problems();
  const place = element("div");
  const act = async (call: () => Promise<unknown>, said: string) => {
    try { await call(); trouble.clear(); shown.say(said); } catch (error) { trouble.show(error); }
    await load();
  };
  const cancel = (one: Experiment) => act(() => ask("POST", `${of(one.id)}/cancel`, { mode: "drain" }), `${one.id} is cancelled`);
  const row = (one: Experiment) => [linkTo(one), one.name, stateOf(one), one.creator, when(one.created),
    may(shown, "run") ? button("Cancel", () => cancel(one), { "aria-label": `Cancel ${one.id}` }) : ""];

  async function load() {
    try {
      const now = await ask<Queue>("GET", "queue");
      const head = ["id", "name", "state", "by", "created", "what can be done"];
      place.replaceChildren(
        section("Running", now.running.length ? table(head, now.running.map(row)) : nothing("Nothing runs.")),
        section("Waiting, the next first", now.waiting.length ? table(head, now.waiting.map(row)) : nothing("Nothing waits.")),
        section("Daemons", now.daemons.length
          ? table(["daemon", "runs", "heard of"], now.daemons.map((one) => [one.name, one.runs ?? "nothing", when(one.seen)]))
          : nothing("No daemon is there: what waits goes on waiting.")));
    } catch (error) { trouble.show(error); }
  }
  shown.root.append(element("h1", {}, "Queue"), trouble.box, place);
  let timer = 0;
  shown.leave.push(() => clearTimeout(timer));
  shown.hear((event) => {
    if (!["experiment", "removed", "snapshot"].includes(event)) return;
    clearTimeout(timer);
    timer = window.setTimeout(() => void load(), 200);
  });
  await load();
}

/** Deletes one, when asked and answered. True: it is gone. */
export async function remove(one: Experiment): Promise<boolean> {
  if (!await sure(`Delete ${one.id} (${one.name}) and all that it recorded? This can't be undone.`, "Delete it")) return false;
  await ask("DELETE", of(one.id));
  return true;
}
