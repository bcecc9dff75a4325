/* Why something failed, in the reader's language where the page knows the reason. */

import { has, say } from "./language.js";

/** One short sentence for a problem: of the server's JSON, or of the page's own class. */
export function reason(problem) {
  const key = `problem_${problem?.code}`;
  return has(key) ? say(key) : say("problem_other");
}

/** The server's own words, which are English and more exact; "" where there are none. */
export function details(problem) {
  const text = problem?.detail ?? "";
  return text && text !== problem.code ? text.charAt(0).toUpperCase() + text.slice(1) : "";
}
