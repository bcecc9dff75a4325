/* Pictures come in: dropped anywhere on the page, or chosen. */

import { filesOfDrop, filesOfInput } from "../pictures/intake.js";
import { byId } from "./elements.js";

const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

/** Calls `add` with a promise of the files of each drop or choice. */
export function startAdding(add) {
  let depth = 0; // dragenter and dragleave come for every element on the way
  const shade = (by) => {
    depth = by === 0 ? 0 : Math.max(0, depth + by);
    byId("drop").classList.toggle("shown", depth > 0);
  };
  addEventListener("dragenter", (event) => hasFiles(event) && shade(1));
  addEventListener("dragleave", (event) => hasFiles(event) && shade(-1));
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    shade(0);
    add(filesOfDrop(event.dataTransfer));
  });
  for (const [buttons, id] of [[".choose-files", "files"], [".choose-folder", "folder"]]) {
    const input = byId(id);
    for (const button of document.querySelectorAll(buttons)) button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      add(Promise.resolve(filesOfInput(input)));
      input.value = ""; // the same choice again is a choice, too
    });
  }
}
