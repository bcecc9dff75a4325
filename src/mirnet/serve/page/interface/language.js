/* The page's language: the reader's choice, else the browser's. */

import en from "./strings/en.js";
import zh from "./strings/zh.js";
import { recall, remember } from "./remembered.js";

const LANGUAGES = { en, zh };
const followers = [];
const preferred = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
let current = recall("language", preferred) in LANGUAGES ? recall("language", preferred) : preferred;

/** The text of a key; texts with numbers or names in them are functions. */
export function say(key, ...values) {
  const text = LANGUAGES[current][key];
  return typeof text === "function" ? text(...values) : text;
}

export const has = (key) => key in LANGUAGES[current];

/** Calls `change` now and whenever the language changes. */
export function onLanguage(change) {
  followers.push(change);
  change();
}

function translate() {
  document.documentElement.lang = say("code");
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = say(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) {
    const label = say(element.dataset.label);
    element.setAttribute("aria-label", label);
    if (element.tagName === "BUTTON") element.title = label;
  }
}

export function startLanguage(button) {
  onLanguage(() => {
    translate();
    button.textContent = say("otherLanguage");
    button.lang = say("otherCode");
  });
  button.addEventListener("click", () => {
    current = current === "en" ? "zh" : "en";
    remember("language", current);
    for (const change of followers) change();
  });
}
