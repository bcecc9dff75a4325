/* The pictures on the page, in order, and the one that is looked at. */

import { Restoration } from "./restoration.js";

const PATHS = "mirnet.paths";

/** Folders of pictures by job, so that a reloaded page still packs them into their folders. */
function rememberedPaths() {
  try {
    return JSON.parse(sessionStorage.getItem(PATHS)) ?? {};
  } catch {
    return {};
  }
}

export class Picture {
  constructor(path, file, restoration) {
    this.path = path;
    this.name = path.split("/").at(-1);
    this.file = file; // null after a reload: pages cannot keep files
    this.restoration = restoration;
    this.besides = new Map(); // other models by name, to compare with
    this.thumbnail = null; // a URL
    this.size = null; // { width, height } once known
    this.strength = 1;
    this.view = null; // where the viewer stood
  }

  get megapixels() {
    const size = this.restoration.job ?? this.size;
    return size?.width ? (size.width * size.height) / 1e6 : null;
  }

  get width() {
    return this.restoration.job?.width ?? this.size?.width;
  }

  get height() {
    return this.restoration.job?.height ?? this.size?.height;
  }

  get hasAlpha() {
    return Boolean(this.restoration.job?.has_alpha);
  }

  restorations() {
    return [this.restoration, ...this.besides.values()];
  }
}

/** Events: "list" when pictures come or go, "picture" with `detail`, "selected". */
export class Album extends EventTarget {
  pictures = [];
  selected = null;

  add(pictures) {
    this.pictures.push(...pictures);
    this.dispatchEvent(new Event("list"));
    if (!this.selected && pictures.length) this.select(pictures[0]);
  }

  /** The pictures of jobs that the server still holds from before the page was reloaded. */
  addJobs(jobs) {
    const paths = rememberedPaths();
    const known = new Set(this.pictures.flatMap((picture) => picture.restorations().map(({ id }) => id)));
    const mine = jobs.filter((job) => !known.has(job.id) && job.state !== "cancelled" && paths[job.id] !== false);
    this.add(mine.map((job) => new Picture(paths[job.id] ?? job.name ?? job.id, null, Restoration.of(job))));
  }

  /** Notes where a job's picture lies; false for one that is only there to compare with. */
  rememberPath(id, path) {
    const paths = { ...rememberedPaths(), [id]: path };
    try {
      sessionStorage.setItem(PATHS, JSON.stringify(paths));
    } catch {
      // without storage, a reloaded page has no folders
    }
  }

  remove(pictures) {
    const index = this.pictures.indexOf(this.selected);
    this.pictures = this.pictures.filter((picture) => !pictures.includes(picture));
    for (const { thumbnail } of pictures) if (thumbnail) URL.revokeObjectURL(thumbnail);
    if (pictures.includes(this.selected)) this.select(this.pictures[Math.min(index, this.pictures.length - 1)] ?? null);
    this.dispatchEvent(new Event("list"));
  }

  select(picture) {
    this.selected = picture;
    this.dispatchEvent(new Event("selected"));
  }

  /** The next picture, or the one before it with -1. */
  step(by) {
    const index = this.pictures.indexOf(this.selected) + by;
    if (index >= 0 && index < this.pictures.length) this.select(this.pictures[index]);
  }

  changed(picture) {
    this.dispatchEvent(new CustomEvent("picture", { detail: picture }));
  }
}
