// The few words that the page is built with. Text is always text here: nothing is read as markup.

export type Child = Node | string;

export function element(tag: string, attributes: Record<string, string> = {},
  ...children: Child[]): HTMLElement {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A table that scrolls by itself when it is too wide. A column whose head begins with "#" holds
 *  numbers. It takes the focus: who has no mouse scrolls it by the arrows. */
export function table(head: string[], rows: Child[][]): HTMLElement {
  const kind = (i: number): Record<string, string> => (head[i]?.startsWith("#") ? { class: "number" } : {});
  const titles = head.map((title, i) => element("th", { scope: "col", ...kind(i) }, title.replace(/^#/, "")));
  return element("div", { class: "scroll", tabindex: "0" }, element("table", {},
    element("thead", {}, element("tr", {}, ...titles)),
    element("tbody", {}, ...rows.map((row) =>
      element("tr", {}, ...row.map((cell, i) => element("td", kind(i), cell)))))));
}

export function section(title: string, ...children: Child[]): HTMLElement {
  return element("section", {}, element("h2", {}, title), ...children);
}

/** What stands where there is nothing to show. */
export function nothing(text: string): HTMLElement {
  return element("p", { class: "nothing" }, text);
}
