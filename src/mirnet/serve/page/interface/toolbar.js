/* The buttons of the view: zoom, layout, second model, original, full screen. */

import { byId, make, setText } from "./elements.js";
import { onLanguage, say } from "./language.js";
import { announce, dismiss, notify } from "./notices.js";
import { reason } from "./reasons.js";

export class Toolbar {
  #album;
  #queue;
  #viewer;
  #models = [];

  constructor(album, queue, viewer) {
    this.#album = album;
    this.#queue = queue;
    this.#viewer = viewer;
    const press = (id, act) => byId(id).addEventListener("click", act);
    press("zoom-in", () => viewer.step(true));
    press("zoom-out", () => viewer.step(false));
    press("zoom-fit", () => viewer.fit());
    press("zoom-one", () => viewer.zoom(1));
    press("layout", () => this.toggleLayout());
    press("full", () => this.toggleFull());
    this.#holdByButton(byId("original"));
    byId("compare").addEventListener("change", () => this.#compare(byId("compare").value));
    viewer.addEventListener("view", () => this.#draw());
    viewer.addEventListener("gone", ({ detail: { run, error } }) => {
      run.fail(error);
      album.changed(album.selected);
    });
    album.addEventListener("selected", () => {
      byId("compare").value = "";
      viewer.show(album.selected);
      this.#offerModels();
    });
    album.addEventListener("picture", (event) => {
      if (event.detail === album.selected) viewer.changed();
    });
    document.addEventListener("fullscreenchange", () => {
      byId("full").setAttribute("aria-pressed", String(document.fullscreenElement !== null));
    });
    onLanguage(() => {
      this.#offerModels();
      this.#draw();
    });
  }

  /** `models` of the server. */
  setModels(models) {
    this.#models = models;
    this.#offerModels();
  }

  #offerModels() {
    const select = byId("compare");
    const main = this.#album.selected?.restoration.model;
    const scaleOf = (model) => this.#models.find(({ name }) => name === model)?.scale;
    const others = this.#models.filter(({ name, scale }) => name !== main && scale === scaleOf(main));
    const options = others.map(({ name }) => make("option", { value: name, textContent: name }));
    const chosen = this.#viewer.beside?.model ?? "";
    select.replaceChildren(make("option", { value: "", textContent: say("original") }), ...options);
    select.value = chosen;
  }

  #compare(model) {
    const picture = this.#album.selected;
    dismiss("file-gone");
    if (!picture) return;
    if (!model) this.#viewer.beside = null;
    else if (!picture.file && !picture.besides.has(model)) {
      byId("compare").value = "";
      notify("file-gone", () => ({ text: say("fileGone") }));
      return;
    } else {
      this.#viewer.beside = this.#queue.beside(picture, model);
      announce(say("announceModel", model));
    }
    this.#viewer.changed();
  }

  toggleLayout() {
    const { sideBySide } = this.#viewer;
    this.#viewer.sideBySide = !sideBySide;
    byId("layout").setAttribute("aria-pressed", String(!sideBySide));
    this.#viewer.changedLayout();
    this.#viewer.changed();
  }

  toggleFull() {
    if (document.fullscreenElement) document.exitFullscreen();
    else byId("viewer").requestFullscreen?.();
  }

  /** Shows the original everywhere while `held`. */
  hold(held) {
    if (this.#viewer.holding === held) return;
    this.#viewer.holding = held;
    byId("viewport").classList.toggle("holding", held);
    byId("original").setAttribute("aria-pressed", String(held));
    this.#viewer.changed();
  }

  #holdByButton(button) {
    const space = (event) => event.key === " " || event.key === "Enter";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      this.hold(true);
    });
    for (const end of ["pointerup", "pointercancel", "blur"]) button.addEventListener(end, () => this.hold(false));
    button.addEventListener("keydown", (event) => space(event) && this.hold(true));
    button.addEventListener("keyup", (event) => space(event) && this.hold(false));
    button.addEventListener("contextmenu", (event) => event.preventDefault()); // of a long touch
  }

  #label({ run, which }) {
    if (which === "before") return say("before");
    const percent = Math.floor(run.progress * 100);
    if (run.state === "done") return run === this.#viewer.beside ? run.model : say("after", run.model);
    if (run.state === "failed") return reason(run.problem);
    if (run.job?.region && run.job.region.state !== "done" && run.pending) return say("partFirst");
    if (run.patches.length) return say("after", run.model);
    return run.pending ? say("notYet", percent) : say(run.state);
  }

  #draw() {
    const { scale, fitted, picture } = this.#viewer;
    setText(byId("zoom"), scale === null ? "" : say("percent", Math.round(scale * 100)));
    byId("zoom-fit").setAttribute("aria-pressed", String(fitted));
    byId("zoom-one").setAttribute("aria-pressed", String(scale === 1));
    if (!picture) return;
    const [left, right] = this.#viewer.halves();
    setText(byId("left-label"), this.#label(left));
    setText(byId("right-label"), this.#label(right));
    byId("right-label").classList.toggle("busy", right.which === "after" && right.run.pending);
    byId("left-label").classList.toggle("busy", left.which === "after" && left.run.pending);
  }
}
