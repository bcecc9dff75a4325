/* Elements of the page. Text never becomes markup. */

export const byId = (id) => document.getElementById(id);

/** An element with properties and children. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** One of the icons that index.html defines; screen readers skip it. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** A square button of an icon; its label is read aloud and shown as a tooltip. */
export function iconButton(name, label, action) {
  const button = make("button", { type: "button", className: "plain square", title: label }, icon(name));
  button.setAttribute("aria-label", label);
  button.addEventListener("click", action);
  return button;
}

/** Changes text only where it differs, so that screen readers and the layout rest. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
