/* Parts of pictures that have been fetched, each drawn where it belongs.

A source is { id, which, strength, whole }: a job, "before" or "after", the strength, and whether all
of it was restored when asked. While the pieces of a new strength are on their way, those of the last
one stand in. */

import { contains } from "./geometry.js";

const KEPT = 24e6; // pixels a group, about 100 MB
const GROUPS = 2; // of one side of a job: the current one and the last
const JOBS = 6;

const groupKey = ({ strength, whole, which }) => (which === "before" ? "before" : `${strength}:${whole}`);
const sideKey = ({ id, which }) => `${id}:${which}`;
const area = ({ bitmap }) => bitmap.width * bitmap.height;

function trim(map, most) {
  for (const [key, value] of map) {
    if (map.size <= most) return;
    for (const piece of value instanceof Map ? [...value.values()].flat() : value) piece.bitmap.close();
    map.delete(key);
  }
}

export class Pieces {
  #sides = new Map(); // by job and half: Map of groups; the last one used stands at the end

  #groups(source) {
    const key = sideKey(source);
    const groups = this.#sides.get(key) ?? new Map();
    this.#sides.delete(key);
    this.#sides.set(key, groups);
    trim(this.#sides, JOBS);
    return groups;
  }

  add(source, part, scale, bitmap) {
    const groups = this.#groups(source);
    const key = groupKey(source);
    const group = groups.get(key) ?? [];
    groups.delete(key);
    groups.set(key, group);
    group.push({ part, scale, bitmap });
    group.sort((one, other) => one.scale - other.scale);
    while (group.length > 2 && group.reduce((sum, piece) => sum + area(piece), 0) > KEPT) {
      group.splice(1, 1)[0].bitmap.close(); // the first is the coarsest: all of the picture
    }
    trim(groups, GROUPS);
  }

  has(source, part, scale) {
    const group = this.#groups(source).get(groupKey(source)) ?? [];
    return group.some((piece) => piece.scale >= scale * 0.999 && contains(piece.part, part));
  }

  /** What to draw, from back to front. */
  stack(source) {
    const groups = this.#groups(source);
    const key = groupKey(source);
    const others = [...groups].filter(([other]) => other !== key).map(([, group]) => group);
    return [...others, groups.get(key) ?? []].flat();
  }
}
