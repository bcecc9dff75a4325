/* Asks that what is on the screen is restored first: a small part in its middle, then all of it. */

import { restoreFirst } from "../server/api.js";
import { sameRegion } from "../pictures/restoration.js";
import { contains, middle } from "./geometry.js";

const FIRST = 384; // pixels a side: about a second on most machines
const MOST = 2000; // pixels a side; on larger screens the rest comes with the whole
const PATIENCE = 300; // milliseconds for which the view must rest
const NEAR = 0.5; // smallest scale at which a part says anything about noise

export class FirstPart {
  #timer = null;
  #waiting = ""; // what the timer is for: news of progress must not put it off
  #asked = new Map(); // by job: the last region

  /** The view of a restoration has changed or rested. */
  look(run, part, scale) {
    const wanted = scale >= NEAR && ["queued", "running"].includes(run.state);
    const key = wanted ? JSON.stringify([run.id, part, run.patches.length, run.job.region?.state]) : "";
    if (key === this.#waiting) return;
    clearTimeout(this.#timer);
    this.#waiting = key;
    if (wanted) this.#timer = setTimeout(() => this.#ask(run, part), PATIENCE);
  }

  async #ask(run, part) {
    if (!["queued", "running"].includes(run.state)) return;
    const pending = run.job.region && ["queued", "running"].includes(run.job.region.state);
    const small = middle(part, FIRST);
    const next = [small, middle(part, MOST)].find((region) => !run.patches.some((patch) => contains(patch, region)));
    if (!next) return;
    const last = this.#asked.get(run.id);
    if (last && sameRegion(last, next)) return;
    if (pending && contains(part, run.job.region)) return; // it is on its way
    this.#asked.set(run.id, next);
    try {
      run.update(await restoreFirst(run.id, next));
    } catch {
      // too late or too large: the whole follows
    }
  }
}
