/* Light or dark: the reader's choice, else the system's. */

import { recall, remember } from "./remembered.js";

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

export function startTheme(button) {
  const root = document.documentElement;
  const chosen = recall("theme", "");
  if (chosen) root.dataset.theme = chosen;
  button.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : systemIsDark.matches;
    root.dataset.theme = dark ? "light" : "dark";
    remember("theme", root.dataset.theme);
  });
}
