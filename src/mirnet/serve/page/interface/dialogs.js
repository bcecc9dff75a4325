/* The dialogs: questions, the token, the keys. */

import { byId, make } from "./elements.js";
import { onLanguage, say } from "./language.js";
import { recall, remember } from "./remembered.js";

function closed(dialog) {
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

/** Asks; true for yes. */
export async function confirmed(text, yes) {
  const dialog = byId("confirm");
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return (await closed(dialog)) === "yes";
}

/** The token that the reader enters; `isOwn` tells a server on the same machine. */
export async function askToken(isOwn) {
  const dialog = byId("token");
  byId("token-more").textContent = say(isOwn ? "tokenHere" : "tokenMore");
  for (;;) {
    byId("token-value").value = "";
    dialog.showModal();
    await closed(dialog);
    const text = byId("token-value").value.trim();
    if (text) return text;
  }
}

export function showHelp() {
  const dialog = byId("help");
  if (!dialog.open) dialog.showModal();
}

export const shortcutsWanted = () => byId("shortcuts").checked;

export function startHelp() {
  const check = byId("shortcuts");
  check.checked = recall("shortcuts", "on") === "on";
  check.addEventListener("change", () => remember("shortcuts", check.checked ? "on" : "off"));
  byId("help-open").addEventListener("click", showHelp);
  onLanguage(() => {
    const rows = say("keys").map(([keys, does]) => {
      const caps = keys.split(" ").map((key) => make("kbd", { textContent: key }));
      return make("tr", {}, make("td", {}, ...caps), make("td", { textContent: does }));
    });
    byId("keys").tBodies[0].replaceChildren(...rows);
  });
}
