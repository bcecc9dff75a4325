/* Single keys for the whole page; they can be switched off, and rest where text is entered. */

import { byId } from "./elements.js";
import { shortcutsWanted, showHelp } from "./dialogs.js";

const typing = (element) => element.matches?.("select, textarea, input:not([type=range]):not([type=checkbox])");

export function startShortcuts(album, viewer, toolbar) {
  const press = (id) => !byId(id).disabled && byId(id).click();
  const keys = {
    "+": () => viewer.step(true),
    "=": () => viewer.step(true),
    "-": () => viewer.step(false),
    0: () => viewer.fit(),
    1: () => viewer.zoom(1),
    s: () => toolbar.toggleLayout(),
    f: () => toolbar.toggleFull(),
    d: () => press("download"),
    "[": () => album.step(-1),
    "]": () => album.step(1),
    "?": showHelp,
    o: () => toolbar.hold(true),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (!shortcutsWanted() || document.querySelector("dialog[open]")) return;
    const act = keys[event.key.toLowerCase()];
    if (!act || (!album.selected && event.key !== "?")) return;
    event.preventDefault();
    if (!event.repeat || "+=-".includes(event.key)) act();
  });
  addEventListener("keyup", (event) => event.key.toLowerCase() === "o" && toolbar.hold(false));
  addEventListener("blur", () => toolbar.hold(false));
}
