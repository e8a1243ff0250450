// Two results beside each other. Loaded on demand.
import { element, nothing, section, table } from "../dom";
import { inUnit } from "../format";
import { ask, of } from "./api";
import { button, field, linkTo, problems, type Shown } from "./view";

interface Figure { name: string; unit: string; base: number | null; other: number | null; chance: number | null; regressed: boolean }
const cell = (value: unknown): string => (value === null || value === undefined ? "–" : typeof value === "object" ? JSON.stringify(value)
  : typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value));

export async function compare(shown: Shown, base = "", other = "") {
  const first = field("Base", { value: base }), second = field("Compared with it", { value: other });
  const told = problems(), place = element("div");
  async function show() {
    place.replaceChildren();
    if (!first.input.value || !second.input.value) return;
    try {
      const found = await ask<Record<string, unknown>>("GET", `${of(first.input.value)}/comparison?with=${encodeURIComponent(second.input.value)}`);
      told.clear();
      const rows = (found.figures ?? []) as Figure[];
      const differences = (found.differences ?? []) as unknown[];
      place.replaceChildren(
        element("p", {}, linkTo({ id: first.input.value }), " and ", linkTo({ id: second.input.value }), ": ",
          element("strong", {}, found.is_comparable === false ? "not comparable" : found.regressed ? "worse" : "not shown to be worse")),
        section("What differs in how they were run", differences.length ? element("ul", {}, ...differences.map((one) => element("li", {}, cell(one)))) : nothing("Nothing.")),
        section("Figures", rows.length ? table(["figure", "#base", "#other", "#by chance", "is it worse?"], rows.map((row) => [row.name,
          inUnit(row.base, row.unit), inUnit(row.other, row.unit), cell(row.chance), row.regressed ? "worse" : "no"])) : nothing("None.")));
    } catch (error) { told.show(error); }
  }
  shown.root.append(element("h1", {}, "Compare"), element("div", { class: "form" }, first.label, second.label, button("Compare", show)), told.box, place);
  await show();
}
