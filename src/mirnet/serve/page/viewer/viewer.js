/* Before and after of one picture: what is shown where, and what must be fetched for it. */

import { Problem, online, view as fetchView } from "../server/api.js";
import { Divider } from "./divider.js";
import { drawHalf } from "./drawing.js";
import { FirstPart } from "./first_part.js";
import { contains, fitScale, fitView, nextStep, settle, shared, visible, zoomTo } from "./geometry.js";
import { listen } from "./gestures.js";
import { Pieces } from "./pieces.js";

const REST = 60; // milliseconds after the last move, before what is seen is fetched

/** Scales of what is fetched while zoomed, so that small changes need nothing new. */
const roundScale = (scale) => Math.min(1, 2 ** (Math.ceil(2 * Math.log2(scale)) / 2));

const sizeOf = ({ width, height }) => `${width} × ${height}`;

const key = (source, need) => JSON.stringify([source, need]);

/** Events: "view" after each change of what is shown, "gone" when the server has no such job now. */
export class Viewer extends EventTarget {
  picture = null;
  beside = null; // a second restoration instead of the original
  sideBySide = false;
  holding = false; // the original is shown everywhere
  #viewport;
  #context;
  #divider;
  #pieces = new Pieces();
  #first = new FirstPart();
  #view = null;
  #size = ""; // of the picture, in whose pixels the view is
  #fitted = true; // the whole picture is shown, whatever the window's size
  #drawing = false;
  #timer = null;
  #fetching = [false, false];
  #refused = new Set();

  constructor(viewport, canvas, divider) {
    super();
    this.#viewport = viewport;
    this.#context = canvas.getContext("2d");
    this.#divider = new Divider(divider, () => this.draw());
    new ResizeObserver(() => this.#resized()).observe(viewport);
    listen(viewport, {
      pan: (dx, dy) => this.#pan(dx, dy),
      zoomBy: (factor, point) => this.#view && this.zoom(this.#view.scale * factor, this.#inPane(point)),
      click: (point) => this.#click(point),
    });
  }

  /** Shows a picture, or nothing. */
  show(picture) {
    if (this.picture) this.picture.view = this.#fitted ? null : this.#view;
    this.picture = picture;
    this.beside = null;
    this.#refused.clear();
    this.#view = null;
    this.changed();
  }

  /** The picture's state, strength or size is another, or what it is compared with. */
  changed() {
    const { picture } = this;
    if (picture?.width && this.#view && sizeOf(picture) !== this.#size) {
      this.#view = null; // the result has turned out to be larger
      picture.view = null;
    }
    if (picture?.width && !this.#view) {
      this.#size = sizeOf(picture);
      this.#fitted = !picture.view;
      this.#view = picture.view ?? fitView(picture, this.#pane(), devicePixelRatio);
    }
    this.#moved(0);
  }

  get scale() {
    return this.#view?.scale ?? null;
  }

  get fitted() {
    return this.#fitted;
  }

  fit() {
    if (!this.#view) return;
    this.#fitted = true;
    this.#view = fitView(this.picture, this.#pane(), devicePixelRatio);
    this.#moved();
  }

  /** Zooms in or out by one step around the middle. */
  step(upwards) {
    if (this.#view) this.zoom(nextStep(this.#view.scale, upwards));
  }

  zoom(scale, point) {
    if (!this.#view) return;
    const pane = this.#pane();
    const at = point ?? { x: pane.width / 2, y: pane.height / 2 };
    const wanted = settle({ ...this.#view, scale }, this.picture, pane, devicePixelRatio).scale;
    this.#view = settle(zoomTo(this.#view, wanted, at, pane), this.picture, pane, devicePixelRatio);
    this.#fitted = Math.abs(wanted / fitScale(this.picture, pane, devicePixelRatio) - 1) < 1e-3;
    this.#moved();
  }

  #click(point) {
    if (!this.#view) return;
    if (!this.#fitted) return this.fit();
    this.zoom(this.#view.scale === 1 ? 2 : 1, this.#inPane(point));
  }

  #pan(dx, dy) {
    if (!this.#view) return;
    const { scale, x, y } = this.#view;
    const moved = { scale, x: x - (dx * devicePixelRatio) / scale, y: y - (dy * devicePixelRatio) / scale };
    this.#view = settle(moved, this.picture, this.#pane(), devicePixelRatio);
    this.#moved();
  }

  #resized() {
    const { canvas } = this.#context;
    canvas.width = Math.round(this.#viewport.clientWidth * devicePixelRatio);
    canvas.height = Math.round(this.#viewport.clientHeight * devicePixelRatio);
    this.changedLayout();
  }

  /** The window's size or the panes are others. */
  changedLayout() {
    const { width, height } = this.#context.canvas;
    this.#viewport.classList.toggle("beside", this.sideBySide);
    this.#viewport.classList.toggle("stacked", this.sideBySide && width < height);
    if (this.#view && this.#fitted) this.fit();
    else if (this.#view) this.#pan(0, 0);
    this.#paint(); // at once: a canvas of a new size is empty
  }

  /** The panes: one for both halves, or one for each, beside or above each other. */
  #panes() {
    const { width, height } = this.#context.canvas;
    if (!this.sideBySide) return [{ left: 0, top: 0, width, height }];
    const gap = Math.round(2 * devicePixelRatio);
    if (width >= height) {
      const half = Math.floor((width - gap) / 2);
      return [
        { left: 0, top: 0, width: half, height },
        { left: half + gap, top: 0, width: half, height },
      ];
    }
    const half = Math.floor((height - gap) / 2);
    return [
      { left: 0, top: 0, width, height: half },
      { left: 0, top: half + gap, width, height: half },
    ];
  }

  #pane() {
    return this.#panes()[0];
  }

  /** A point of the viewport, in pixels of the screen from its pane's corner. */
  #inPane(point) {
    const x = point.x * devicePixelRatio;
    const y = point.y * devicePixelRatio;
    const panes = this.#panes();
    const pane = panes.find((it) => x < it.left + it.width && y < it.top + it.height) ?? panes.at(-1);
    return { x: x - pane.left, y: y - pane.top };
  }

  /** The left and the right half: which run, and which of its pictures. */
  halves() {
    const run = this.picture.restoration;
    const before = { run, which: "before" };
    if (this.holding) return [before, before];
    return [this.beside ? { run: this.beside, which: "after" } : before, { run, which: "after" }];
  }

  #source({ run, which }) {
    return { id: run.id, which, strength: this.picture.strength, whole: run.state === "done" };
  }

  /** What of a half is still missing: { part, scale }, the most urgent first. */
  #missing(half) {
    const { run, which } = half;
    if (!run.onServer || !this.#view) return null;
    const { picture } = this;
    const pane = this.#pane();
    const whole = { x: 0, y: 0, width: picture.width, height: picture.height };
    const fit = Math.min(1, fitScale(picture, pane, devicePixelRatio));
    const scale = Math.min(1, this.#view.scale);
    const seen = visible(this.#view, picture, pane);
    const detail = { part: seen, scale: scale < 1 ? roundScale(scale) : 1 };
    const overview = { part: whole, scale: fit };
    let wanted = scale > fit * 1.001 ? [detail, overview] : [overview];
    if (which === "after" && run.state !== "done") {
      wanted = run.patches
        .map((patch) => ({ part: shared(patch, seen), scale: detail.scale }))
        .filter(({ part }) => part);
    }
    const source = this.#source(half);
    return wanted.find((need) => !this.#pieces.has(source, need.part, need.scale) && !this.#refused.has(key(source, need))) ?? null;
  }

  /** Fetches what is missing, piece by piece; always the newest need, so nothing piles up. */
  async #fetch(index) {
    if (this.#fetching[index]) return;
    this.#fetching[index] = true;
    try {
      while (this.picture) {
        const half = this.halves()[index];
        const need = this.#missing(half);
        if (!need) break;
        const source = this.#source(half);
        const query = { ...need.part, scale: need.scale, which: source.which };
        if (source.which === "after") query.strength = source.strength;
        try {
          this.#pieces.add(source, need.part, need.scale, await fetchView(source.id, query));
        } catch (error) {
          this.#refused.add(key(source, need)); // until the job or the need is another
          if (!(error instanceof Problem)) throw error;
          if (error.code === "not_found") {
            this.dispatchEvent(new CustomEvent("gone", { detail: { run: half.run, error } }));
            break;
          }
          if (error.code === "unreachable") {
            online().then(() => {
              this.#refused.clear();
              this.changed();
            });
            break;
          }
        }
        this.draw();
      }
    } finally {
      this.#fetching[index] = false;
    }
  }

  #moved(rest = REST) {
    this.draw();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#rested(), rest);
  }

  #rested() {
    if (!this.picture) return;
    this.#fetch(0);
    this.#fetch(1);
    if (!this.#view) return;
    const part = visible(this.#view, this.picture, this.#pane());
    const run = [this.picture.restoration, this.beside].find((it) => it && ["queued", "running"].includes(it.state));
    if (run) this.#first.look(run, part, this.#view.scale);
  }

  /** Draws with the next frame. */
  draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#paint();
    });
  }

  #paint() {
    const context = this.#context;
    const { width, height } = context.canvas;
    context.clearRect(0, 0, width, height);
    if (this.picture && this.#view) {
      const panes = this.#panes();
      const line = Math.round(this.#divider.position * width);
      const clips = this.sideBySide
        ? panes.map((pane) => ({ left: pane.left, width: pane.width }))
        : [{ left: 0, width: line }, { left: line, width: width - line }];
      this.halves().forEach((half, index) => this.#paintHalf(half, panes[index] ?? panes[0], clips[index]));
    }
    this.#tell();
    this.dispatchEvent(new Event("view"));
  }

  #paintHalf(half, pane, clip) {
    const { run, which } = half;
    const waiting = which === "after" && run.state !== "done";
    const before = { run: this.picture.restoration, which: "before" };
    const region = run.job?.region;
    drawHalf(this.#context, {
      pane,
      clip,
      view: this.#view,
      picture: this.picture,
      stack: this.#pieces.stack(this.#source(half)),
      backdrop: waiting ? this.#pieces.stack(this.#source(before)) : null,
      outline: waiting && region && ["queued", "running"].includes(region.state) ? region : null,
    });
  }

  /** What is drawn, for styles and tests: the strength whose pixels fill the view, or nothing yet. */
  #tell() {
    const run = this.picture?.restoration;
    const nothing = !this.#view || !run.onServer || ["failed", "cancelled"].includes(run.state);
    this.#viewport.classList.toggle("nothing", nothing);
    const complete = Boolean(this.picture && this.#view) && this.halves().every((half) => !this.#missingDetail(half));
    this.#viewport.dataset.shown = complete ? String(Math.round(this.picture.strength * 100)) : "";
  }

  #missingDetail(half) {
    const { run, which } = half;
    const need = this.#missing(half);
    const seen = visible(this.#view, this.picture, this.#pane());
    const known = which === "before" || run.state === "done" || run.patches.some((patch) => contains(patch, seen));
    if (!run.onServer || !known) return true;
    if (!need) return false;
    const all = need.part.width === this.picture.width && need.part.height === this.picture.height;
    return !all || (seen.width === this.picture.width && seen.height === this.picture.height);
  }
}
