// One experiment while it runs, and what can be done with it.
import { TimeCharts, type ChartOptions, type EventMark } from "../charts";
import { element, nothing, section, table } from "../dom";
import { count, inUnit, moment, seconds } from "../format";
import { ask, of, type Experiment, type Live, type Point, type RunEvent, type State } from "./api";
import { remove } from "./lists";
import { columns, Points } from "./points";
import { button, field, link, linkTo, may, over, problems, stateOf, tagsOf, when, type Shown } from "./view";

interface Drawing { title: string; unit: string; log?: boolean; sentence: string;
  lines: { label: string; colour: string; of: (point: Point) => number | null | undefined }[] }
const kDrawings: Drawing[] = [
  { title: "Requests a second", unit: "rps", sentence: "What was due, what was answered and what failed, in each point's time.",
    lines: [{ label: "offered", colour: "line0", of: (p) => p.offered_rps }, { label: "achieved", colour: "line2", of: (p) => p.achieved_rps },
      { label: "failed", colour: "line1", of: (p) => p.failed_rps }] },
  { title: "Latency", unit: "s", log: true, sentence: "Percentiles of each point's time, from the moment a request was due; never of the whole run.",
    lines: [{ label: "p50", colour: "p50", of: (p) => p.latency_s?.p50 || null }, { label: "p90", colour: "p90", of: (p) => p.latency_s?.p90 || null },
      { label: "p99", colour: "p99", of: (p) => p.latency_s?.p99 || null }, { label: "max", colour: "max", of: (p) => p.latency_s?.max || null }] },
  { title: "Lateness of sending", unit: "s", log: true, sentence: "How late the generator itself sent, in each point's time.",
    lines: [{ label: "p50", colour: "p50", of: (p) => p.lateness_s?.p50 || null }, { label: "p99", colour: "p99", of: (p) => p.lateness_s?.p99 || null }] },
  { title: "In flight", unit: "", sentence: "Requests that waited for an answer at each point's end.",
    lines: [{ label: "in flight", colour: "line0", of: (p) => p.in_flight }] },
];

function tile(name: string, value: string, what = ""): HTMLElement {
  return element("div", { class: "tile" }, element("div", { class: "name" }, name), element("div", { class: "value" }, value),
    element("div", { class: "what" }, what));
}

function tiles(state: State): HTMLElement[] {
  const now = state.latency_s ?? {}, whole = state.total?.latency_s ?? {};
  const ended = state.stage === "over";
  return [
    tile("Offered", ended ? "–" : inUnit(state.offered_rps, "rps"), "last second"),
    tile("Achieved", ended ? "–" : inUnit(state.achieved_rps, "rps"), "last second"),
    tile("p99 latency", ended ? "–" : seconds(now.p99 ?? null), "last second"),
    tile("p99 latency", seconds(whole.p99 ?? null), "whole run"),
    tile("p50 latency", seconds(whole.p50 ?? null), "whole run"),
    tile("Lateness p99", ended ? "–" : seconds(state.lateness_s?.p99 ?? null), "last second"),
    tile("Answered", count(state.answered), `of ${count(state.intended)} that were due`),
    tile("Failed", count(state.failed), `${count(state.in_flight)} in flight`),
  ];
}

const kColours = ["line3", "line4", "line6", "line7"];

export async function experiment(shown: Shown, id: string) {
  const head = element("div"), acts = element("div", { class: "form" }), numbers = element("div", { class: "tiles" });
  const drawn = element("div"), errors = element("div"), trouble = problems();
  shown.root.append(head, trouble.box, acts, numbers, drawn, errors);
  let row = await ask<Experiment>("GET", of(id));
  let verdict = "";
  let points = new Points(), events: RunEvent[] = [], state: State | null = null;
  let charts: TimeCharts | null = null, made: { chart: ReturnType<TimeCharts["add"]>; of: Drawing; data: HTMLElement }[] = [];
  const marks: EventMark[] = [];
  shown.leave.push(() => charts?.clear());

  const origin = () => state?.started ?? row.start ?? points.best().points[0]?.t ?? 0;
  const act = async (call: () => Promise<unknown>, said: string) => {
    try { await call(); trouble.clear(); shown.say(said); } catch (error) { trouble.show(error); }
  };

  function drawHead() {
    head.replaceChildren(element("h1", {}, row.name || row.id), element("p", {}, stateOf(row), " ", tagsOf(row)),
      element("p", { class: "soft" }, `${row.id} by ${row.creator || "nobody named"}, created ${when(row.created)}`,
        ...(row.rerun_of ? [", again what was ", linkTo({ id: row.rerun_of })] : [])));
    if (row.reason) head.append(element("p", { class: "note" }, row.reason));
    const word = state?.verdict ?? verdict;
    if (word) head.append(element("p", {}, `Verdict: ${word}`));
    if (state?.trouble && !over(row)) head.append(element("p", { class: "note" }, state.trouble));
  }

  let shape = "";
  function drawActs() {
    const now = JSON.stringify([row.state, state?.steer, state?.paused]);
    if (now === shape) return;
    shape = now;
    acts.replaceChildren();
    if (over(row)) {
      acts.append(element("a", { href: `api/v1/${of(id)}/report` }, "Report"), element("a", { href: `api/v1/${of(id)}/result` }, "Result (JSON)"),
        link("Compare with another", `compare/${encodeURIComponent(id)}`));
    }
    if (!may(shown, "run")) return;
    acts.append(link("Run again, with changes", `rerun/${encodeURIComponent(id)}`));
    if (over(row) || row.state === "interrupted") {
      acts.append(button("Delete …", () => act(async () => { if (await remove(row)) location.hash = "#/"; }, "")));
      return;
    }
    acts.append(button("Cancel", () => act(() => ask("POST", `${of(id)}/cancel`, { mode: "drain" }), "Cancelling")),
      button("Cancel now", () => act(() => ask("POST", `${of(id)}/cancel`, { mode: "now" }), "Cancelling now")));
    if (!state || row.state === "queued") return;
    const why = state.steer?.why ?? "";
    const order = (body: Record<string, unknown>, said: string) => act(() => ask("POST", `${of(id)}/orders`, body), said);
    if (state.steer?.can) {
      const rate = field("Requests a second", { type: "number", min: "0", step: "any", inputmode: "decimal" });
      acts.append(rate.label, button("Set the rate", () => order({ order: "rate", rps: Number(rate.input.value) }, `Rate set to ${rate.input.value}`)));
    }
    if (state.steer?.can || why) {
      if (state.steer?.can) acts.append(state.paused ? button("Go on", () => order({ order: "resume" }, "Goes on"))
        : button("Pause", () => order({ order: "pause" }, "Paused")));
      acts.append(button("End the run", () => order({ order: "end" }, "Ending")));
    }
    if (!state.steer?.can && why) acts.append(element("p", { class: "soft" }, `The load can't be changed: ${why}`));
  }

  function build() {
    charts?.clear();
    drawn.replaceChildren();
    made = [];
    const bar = element("p", { class: "soft" });
    charts = new TimeCharts([0, 1], [], (view) => { bar.textContent = view ? "Part of the time is shown; a double click shows all." : ""; });
    drawn.append(bar);
    for (const of of kDrawings) {
      const box = element("figure", { class: "chart", role: "group", "aria-label": `${of.title}: ${of.sentence}`, style: "margin:0" });
      const data = element("details", {}, element("summary", {}, `Data of “${of.title}”`));
      data.addEventListener("toggle", () => fill());
      drawn.append(section(of.title, element("p", { class: "soft" }, of.sentence), box, data));
      const options: ChartOptions = { title: of.title, unit: of.unit, log: of.log, x: [],
        lines: of.lines.map((line) => ({ label: line.label, colour: line.colour, values: [] })), events: marks,
        bands: of.title === "Latency" ? [[2, 0]] : undefined };
      made.push({ chart: charts.add(box, options), of, data });
    }
  }

  // The last points of a chart as a table, while it is open.
  function fill() {
    const { points: all } = points.best();
    for (const { of, data } of made) {
      if (!(data as HTMLDetailsElement).open) continue;
      data.replaceChildren(data.firstChild!, table(["time", ...of.lines.map((line) => `#${line.label}`)],
        all.slice(-60).map((point) => [moment(point.t), ...of.lines.map((line) => {
          const value = line.of(point) ?? null;
          return value === null ? "–" : inUnit(value, of.unit);
        })])));
    }
  }

  function redraw() {
    const { every, points: all } = points.best();
    if (!all.length) {
      if (!made.length) drawn.replaceChildren(nothing(over(row) ? "Nothing of its course is kept here any more: the report has it." : "Nothing has been sent yet."));
      return;
    }
    if (!made.length) build();
    const from = origin();
    const names = [...new Set(events.map((event) => event.name))];
    marks.splice(0, marks.length, ...events.map((event) => ({ at: event.t - from, name: event.name,
      text: typeof event.value === "string" ? event.value : JSON.stringify(event.value ?? ""), colour: kColours[names.indexOf(event.name) % kColours.length] })));
    for (const { chart, of } of made) {
      const { x, values } = columns(all, every, from, of.lines.map((line) => line.of));
      chart.setData([x, ...values] as Parameters<typeof chart.setData>[0], false);
    }
    charts!.grow([Math.min(0, all[0].t - every - from), Math.max(1, all[all.length - 1].t - from)]);
    fill();
  }

  function drawState() {
    if (state) numbers.replaceChildren(...tiles(state));
    const kinds = Object.entries(state?.errors ?? {}).sort((a, b) => b[1] - a[1]);
    errors.replaceChildren(section("Errors by kind, whole run", kinds.length
      ? table(["kind", "#how many"], kinds.map(([kind, n]) => [kind, count(n)])) : nothing("None.")));
    if (events.length) errors.append(section("Events", table(["time", "event", "value"],
      events.slice(-100).map((event) => [moment(event.t), event.name, typeof event.value === "string" ? event.value : JSON.stringify(event.value ?? "")]))));
  }

  // What is heard while the course is asked for is newer than the answer, or may be in it: it is
  // added to it again.
  let asked = 0, heardPoints: Point[] = [], heardEvents: RunEvent[] = [];
  const newer = (one: State | null) => (state && (!one || (one.claim === state.claim && one.n < state.n)) ? state : one);
  async function load() {
    const mine = ++asked;
    heardPoints = [];
    heardEvents = [];
    const live = await ask<Live>("GET", `${of(id)}/live`);
    if (mine !== asked) return;
    points = new Points(live);
    events = live.events;
    state = newer(live.state);
    for (const point of heardPoints) points.add(point);
    for (const event of heardEvents) addEvent(event);
    drawHead(); drawActs(); redraw(); drawState();
  }

  function addEvent(event: RunEvent): boolean {
    if (events.some((each) => each.claim === event.claim && each.n === event.n)) return false;
    events = [...events.slice(-999), event];
    return true;
  }

  let claim = 0;
  shown.hear((event, data) => {
    const one = data as { id?: string };
    if (event === "snapshot" || event === "gap") void load().catch(trouble.show);
    if (one.id !== id) return;
    if (event === "removed") { trouble.show("It has been deleted."); return; }
    if (event === "experiment") {
      const before = row.state;
      row = data as Experiment;
      if (before !== row.state) shown.say(`${row.name || row.id} is ${row.state}`);
      drawHead(); drawActs();
    }
    if (event === "live") {
      const next = data as State;
      if (claim && next.claim !== claim) void load().catch(trouble.show);
      claim = next.claim;
      state = next;
      drawActs(); drawState();
      if (next.stage === "over") drawHead();
    }
    if (event === "point") {
      if (heardPoints.length < 3600) heardPoints.push(data as Point);
      if (points.add(data as Point)) redraw();
    }
    if (event === "event") {
      if (heardEvents.length < 1000) heardEvents.push(data as RunEvent);
      if (addEvent(data as RunEvent)) { redraw(); drawState(); }
    }
  });
  const size = new ResizeObserver(() => {
    for (const { chart } of made) {
      const width = chart.root.parentElement!.clientWidth;
      if (width && width !== chart.width) chart.setSize({ width, height: chart.height });
    }
  });
  size.observe(drawn);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const recolour = () => { if (made.length) { build(); redraw(); } };
  dark.addEventListener("change", recolour);
  shown.leave.push(() => size.disconnect(), () => dark.removeEventListener("change", recolour));
  await load();
  // Of a run that nobody has told of, or long ago, the result knows the verdict.
  if (over(row) && !(state as State | null)?.verdict) {
    const result = await ask<{ verdict?: { value: string } }>("GET", `${of(id)}/result`).catch(() => null);
    verdict = result?.verdict?.value ?? "";
    drawHead();
  }
}
