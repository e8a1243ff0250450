// What all views of the live page have: a place on the page, and what undoes it when it is left.
import { element, type Child } from "../dom";
import { moment } from "../format";
import { Problem, type Experiment, type Session } from "./api";

/** One view while it is shown. All that listens to something adds its undoing to `leave`. */
export interface Shown {
  root: HTMLElement;
  session: Session;
  leave: (() => void)[];
  /** Called for each event of the stream until the view is left. */
  hear: (heard: (event: string, data: unknown) => void) => void;
  /** Said once to who can't see it. */
  say: (text: string) => void;
}

export const may = (shown: Shown, scope: string) => shown.session.scopes.includes(scope);

export function link(text: string, hash: string): HTMLElement {
  return element("a", { href: `#/${hash}` }, text);
}

export function linkTo(experiment: { id: string; name?: string }): HTMLElement {
  return link(experiment.id, `experiment/${encodeURIComponent(experiment.id)}`);
}

export function button(text: string, press: () => unknown, attributes: Record<string, string> = {}): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, text) as HTMLButtonElement;
  made.addEventListener("click", () => void press());
  return made;
}

export function field(name: string, attributes: Record<string, string> = {}, tag = "input"): { label: HTMLElement; input: HTMLInputElement } {
  const input = element(tag, attributes) as HTMLInputElement;
  return { label: element("label", {}, name, input), input };
}

/** A place for what went wrong; a screen reader says it. */
export function problems(): { box: HTMLElement; show: (error: unknown) => void; clear: () => void } {
  const box = element("pre", { class: "problem", role: "alert" });
  return { box, show: (error) => { box.textContent = error instanceof Problem ? error.message : String(error); },
    clear: () => { box.textContent = ""; } };
}

/** Asks before what can't be undone. */
export function sure(question: string, yes: string): Promise<boolean> {
  return new Promise((answer) => {
    const box = element("dialog", { "aria-label": question }) as HTMLDialogElement;
    let said = false;
    box.append(element("p", {}, question), element("div", { class: "form" },
      button(yes, () => { said = true; box.close(); }), button("Leave it", () => box.close(), { autofocus: "" })));
    box.addEventListener("close", () => { box.remove(); answer(said); });
    document.body.append(box);
    box.showModal();
  });
}

const kColours: Record<string, string> = { finished: "good", failed: "bad", interrupted: "bad", cancelled: "doubt", paused: "doubt", cancelling: "doubt" };

export function stateOf(experiment: Experiment): HTMLElement {
  return element("span", { class: `state ${kColours[experiment.state] ?? ""}` },
    experiment.place ? `${experiment.state}, place ${experiment.place}` : experiment.state);
}

export function tagsOf(experiment: Experiment): Child {
  return element("span", {}, ...experiment.tags.map((tag) => element("span", { class: "tag" }, tag)));
}

export const when = (time: number | null) => (time === null ? "–" : moment(time));
export const over = (experiment: Experiment) => ["finished", "failed", "cancelled"].includes(experiment.state);
