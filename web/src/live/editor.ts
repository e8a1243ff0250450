// Submits a file, or one that ran again with changes. Loaded on demand.
import { element } from "../dom";
import { ask, of, type Experiment } from "./api";
import { button, field, problems, type Shown } from "./view";

interface Kept { file: string; set: string[]; masked: number }
const lines = (text: string) => text.split("\n").map((line) => line.trim()).filter(Boolean);

function key(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("-");
}

/** `id`: the one to run again; its secrets stay masked here, and the server puts them back. */
export async function editor(shown: Shown, id?: string) {
  const kept = id ? await ask<Kept>("GET", `${of(id)}/file`) : null;
  const file = field("Experiment file", { spellcheck: "false" }, "textarea");
  const set = field("Values changed, one a line: clients[0].requests=100", { rows: "3", style: "min-height:5rem", spellcheck: "false" }, "textarea");
  const tags = field("Tags, with commas between"), told = problems();
  file.input.value = kept?.file ?? "";
  set.input.value = (kept?.set ?? []).join("\n");
  let sent = "", once = key();
  const submit = button(id ? "Run it again" : "Submit", async () => {
    // What wasn't touched isn't sent: the server has it, with its secrets.
    const body: Record<string, unknown> = {};
    if (!kept || file.input.value !== kept.file) body.file = file.input.value;
    if (!kept || set.input.value !== kept.set.join("\n")) body.set = lines(set.input.value);
    const named = tags.input.value.split(",").map((tag) => tag.trim()).filter(Boolean);
    if (named.length) body.tags = named;
    const text = JSON.stringify(body);
    if (text !== sent) { sent = text; once = key(); }
    submit.disabled = true;
    try {
      const made = await ask<Experiment>("POST", id ? `${of(id)}/rerun` : "experiments", body, { "Idempotency-Key": once });
      shown.say(`${made.id} is ${made.state}`);
      location.hash = `#/experiment/${encodeURIComponent(made.id)}`;
    } catch (error) { told.show(error); } finally { submit.disabled = false; }
  });
  shown.root.append(element("h1", {}, id ? `Run ${id} again` : "Submit an experiment"),
    ...(kept?.masked ? [element("p", { class: "note" }, `${kept.masked} secrets are shown as ***. Leave a *** as it is to keep its secret, or put a new one in its place.`)] : []),
    told.box, file.label, set.label, element("div", { class: "form" }, tags.label, submit));
  for (const each of [file.label, set.label]) each.setAttribute("style", "display:flex");
}
