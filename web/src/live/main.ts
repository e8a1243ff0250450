// The live page of a laboratory: views by the address's hash, one stream for all of them.
import "uplot/dist/uPlot.min.css";
import "../style.css";
import "./live.css";
import { element } from "../dom";
import { moment } from "../format";
import { ask, Problem, type Session } from "./api";
import { Feed, type Message } from "./feed";
import { fleet, routes } from "./fleet";
import { experiments, queue } from "./lists";
import { button, field, link, problems, type Shown } from "./view";

declare const FEED_WORKER: string;
const kViews: [string, string][] = [["", "Experiments"], ["queue", "Queue"], ["compare", "Compare"], ["fleet", "Fleet"], ["routes", "Routes"], ["submit", "Submit"]];
const place = (id: string) => document.getElementById(id)!;
let session: Session;
let shown: Shown | null = null;
let heard: ((event: string, data: unknown) => void)[] = [];
let say: (word: string) => void = () => {};
let newest: unknown = null;
let wasLive = false;

const announce = (text: string) => { if (text) place("said").textContent = text; };

function badge(since: number | null, status: number) {
  const box = place("badge");
  box.className = since === null ? "" : "stale";
  const text = since === null ? "live" : status === 401 ? "not logged in" : status === 403 ? "not allowed" : !wasLive && status === 0 ? "connecting …" : `stale since ${moment(since)}`;
  // That a page which has just been opened is live is nothing to be told.
  if (box.textContent !== text && wasLive) announce(since === null ? "Live again" : text);
  box.textContent = text;
  if (since === null) wasLive = true;
}

function take(message: Message) {
  if (message.event === "link") {
    const { since, status } = message.data as { since: number | null; status: number };
    badge(since, status);
    if (status === 401 && session && !session.needs_login) void begin();
    return;
  }
  if (message.event === "snapshot") newest = message.data;
  for (const each of heard) each(message.event, message.data);
}

function connect() {
  if ("SharedWorker" in window) {
    try {
      const { port } = new SharedWorker(new URL(FEED_WORKER, import.meta.url), { name: "galileo" });
      port.onmessage = ({ data }) => take(data as Message);
      say = (word) => port.postMessage(word);
      return;
    } catch { /* not allowed here: the page reads the stream itself */ }
  }
  say = new Feed(new URL("api/v1/stream", document.baseURI).href).join(take);
}

function login(root: HTMLElement) {
  const token = field("Token", { type: "password", autocomplete: "current-password", required: "" });
  const told = problems();
  const form = element("form", { class: "form" }, token.label, element("button", { type: "submit" }, "Log in"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask("POST", "session", { token: token.input.value }).then(begin, told.show);
  });
  root.append(element("h1", {}, "Log in"), element("p", {}, "A token is made by “galileo api token add NAME”."), told.box, form);
  token.input.focus();
}

async function open(root: Shown, name: string, ...more: string[]) {
  if (name === "queue") return queue(root);
  if (name === "fleet") return fleet(root);
  if (name === "routes") return routes(root);
  if (name === "experiment") return (await import("./run")).experiment(root, more[0] ?? "");
  if (name === "compare") return (await import("./compare")).compare(root, more[0], more[1]);
  if (name === "submit") return (await import("./editor")).editor(root);
  if (name === "rerun") return (await import("./editor")).editor(root, more[0]);
  return experiments(root);
}

async function show() {
  for (const undo of shown?.leave ?? []) undo();
  heard = [];
  const [name = "", ...more] = location.hash.replace(/^#\/?/, "").split("/").map((part) => {
    try { return decodeURIComponent(part); } catch { return part; }
  });
  const main = place("main"), root = element("div");
  main.replaceChildren(root);
  place("nav").replaceChildren(...kViews.filter(([view]) => view !== "submit" || session.scopes.includes("run"))
    .map(([view, title]) => {
      const made = link(title, view);
      if (view === name) made.setAttribute("aria-current", "page");
      return made;
    }));
  if (session.via === "cookie") {
    place("nav").append(button(`Log out ${session.name}`, async () => { await ask("DELETE", "session").catch(() => null); await begin(); }));
  }
  document.title = `${kViews.find(([view]) => view === name)?.[1] ?? more[0] ?? "Galileo"} – Galileo`;
  if (session.needs_login) { login(root); return; }
  const mine: Shown = { root, session, leave: [], say: announce, hear: (each) => {
    if (shown !== mine) return;
    heard.push(each);
  } };
  shown = mine;
  try {
    await open(mine, name, ...more);
    if (shown !== mine) { for (const undo of mine.leave) undo(); return; }
    if (newest && name !== "experiment") for (const each of heard) each("snapshot", newest);
  } catch (error) {
    const told = problems();
    root.append(told.box, button("Try again", () => show()));
    told.show(error);
    if (error instanceof Problem && error.status === 401) void begin();
  }
}

async function begin(): Promise<void> {
  try {
    session = await ask<Session>("GET", "session");
  } catch (error) {
    const told = problems();
    place("main").replaceChildren(told.box, button("Try again", begin));
    told.show(error);
    return;
  }
  say("again");
  await show();
}

window.addEventListener("hashchange", () => { void show().then(() => place("main").focus()); });
place("main").previousElementSibling!.previousElementSibling!.addEventListener("click", (event) => { event.preventDefault(); place("main").focus(); });
document.addEventListener("visibilitychange", () => say(document.hidden ? "hidden" : "shown"));
window.addEventListener("pagehide", () => say("bye"));
window.addEventListener("pageshow", (event) => { if (event.persisted) say("shown"); });
connect();
if (document.hidden) say("hidden");
void begin();
