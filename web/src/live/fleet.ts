// Workers, clients and telemetry nodes; routes and their weights.
import { element, nothing, section, table } from "../dom";
import { ask, Problem, type Route } from "./api";
import { button, field, may, problems, sure, type Shown } from "./view";

interface Worker { name: string; labels: Record<string, string>; clients: number; alive: boolean | null }
interface Client { id: string; worker: string; service: string; client: string | null }
interface Node { name: string; info: Record<string, unknown> }

export async function fleet(shown: Shown) {
  const trouble = problems();
  const place = element("div");
  const order = async (node: string, word: string) => {
    try { await ask("POST", `telemetry/nodes/${encodeURIComponent(node)}`, { order: word }); shown.say(`${node}: ${word}`); trouble.clear(); }
    catch (error) { trouble.show(error); }
  };
  async function load() {
    const [{ workers }, { clients }, { nodes }] = await Promise.all([ask<{ workers: Worker[] }>("GET", "workers"),
      ask<{ clients: Client[] }>("GET", "clients"), ask<{ nodes: Node[] }>("GET", "telemetry/nodes")]);
    const alive = (one: Worker) => (one.alive === null ? "says nothing" : one.alive ? "alive" : "dead");
    place.replaceChildren(
      section("Workers", workers.length ? table(["worker", "is", "#clients", "labels"], workers.map((one) => [one.name, alive(one), String(one.clients),
        Object.entries(one.labels).map(([name, value]) => `${name}=${value}`).join(" ")])) : nothing("No worker is there.")),
      section("Clients", clients.length ? table(["client", "worker", "service", "app"], clients.map((one) => [one.id, one.worker, one.service, one.client ?? ""]))
        : nothing("No client is there.")),
      section("Telemetry nodes", nodes.length ? table(["node", "what it is", "what can be done"], nodes.map((one) => [one.name, JSON.stringify(one.info),
        may(shown, "run") ? element("span", {}, button("Pause", () => order(one.name, "pause"), { "aria-label": `Pause telemetry of ${one.name}` }),
          button("Go on", () => order(one.name, "unpause"), { "aria-label": `Go on with telemetry of ${one.name}` })) : ""])) : nothing("No node publishes telemetry.")));
  }
  shown.root.append(element("h1", {}, "Fleet"), trouble.box, button("Read again", () => load().catch(trouble.show)), place);
  await load();
}

// "host:port weight", a line each.
const textOf = (route: Route) => route.hosts.map((one) => `${one.host} ${one.weight}`).join("\n");
function hostsOf(text: string): { host: string; weight: number }[] {
  return text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
    const [host, weight = "1", ...more] = line.split(/\s+/);
    if (more.length || !Number.isFinite(Number(weight))) throw new Problem(0, `“${line}” isn't a host and a weight`, {});
    return { host, weight: Number(weight) };
  });
}

export async function routes(shown: Shown) {
  const place = element("div"), trouble = problems();
  const edits = may(shown, "admin");

  function editor(route: Route): HTMLElement {
    let { etag } = route;
    const told = problems();
    const hosts = field("Hosts, and the weight of each", { rows: "4", style: "min-height:6rem" }, "textarea");
    hosts.input.value = textOf(route);
    const save = button("Save", async () => {
      try {
        const saved = await ask<Route>("PUT", `routes/${encodeURIComponent(route.service)}`, { hosts: hostsOf(hosts.input.value) }, { "If-Match": etag });
        etag = saved.etag;
        told.clear();
        shown.say(`The route of ${route.service} is saved`);
      } catch (error) {
        told.show(error);
        const current = error instanceof Problem && error.status === 412 ? error.body.current as Route | undefined : undefined;
        if (!current) return;
        told.box.textContent += `\nSomebody else has changed it meanwhile. It is now:\n${textOf(current)}\nYours is still in the field.`;
        told.box.append("\n", button("Take theirs", () => { etag = current.etag; hosts.input.value = textOf(current); told.clear(); }),
          " ", button("Save mine over it", () => { etag = current.etag; told.clear(); save.click(); }));
      }
    });
    const drop = button("Delete …", async () => {
      if (!await sure(`Delete the route of ${route.service}?`, "Delete it")) return;
      try { await ask("DELETE", `routes/${encodeURIComponent(route.service)}`, undefined, { "If-Match": etag }); await load(); } catch (error) { told.show(error); }
    });
    return section(route.service, told.box, hosts.label, element("div", { class: "form" }, save, drop));
  }

  async function load() {
    const { routes: all } = await ask<{ routes: Route[] }>("GET", "routes");
    place.replaceChildren(...(all.length ? all.map((route) => (edits ? editor(route)
      : section(route.service, table(["host", "#weight"], route.hosts.map((one) => [one.host, String(one.weight)]))))) : [nothing("No route is set.")]));
  }
  shown.root.append(element("h1", {}, "Routes"), trouble.box);
  if (edits) {
    const service = field("Service", { autocomplete: "off" }), host = field("Its first host", { placeholder: "10.0.0.5:8080", autocomplete: "off" });
    shown.root.append(element("div", { class: "form" }, service.label, host.label, button("Add a route", async () => {
      try {
        await ask("PUT", `routes/${encodeURIComponent(service.input.value)}`, { hosts: hostsOf(host.input.value) }, { "If-None-Match": "*" });
        trouble.clear();
        await load();
      } catch (error) { trouble.show(error); }
    })));
  }
  shown.root.append(place);
  await load();
}
