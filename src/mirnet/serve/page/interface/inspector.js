/* The selected picture: its name and facts, strength, and how it is saved. */

import { byId, icon, make, setText } from "./elements.js";
import { onLanguage, say } from "./language.js";
import { details, reason } from "./reasons.js";

const NAMES = { jpeg: "JPEG", png: "PNG", tiff: "TIFF", webp: "WebP", avif: "AVIF" };
const OWN = { jpg: "jpeg", jpeg: "jpeg", png: "png", tif: "tiff", tiff: "tiff", webp: "webp", avif: "avif" };
const LOSSY = ["jpeg", "webp", "avif"];

/** The format that a result has if none is chosen. */
const ownFormat = (picture) =>
  picture.restoration.job?.format ?? OWN[picture.name.split(".").at(-1).toLowerCase()] ?? null;

export class Inspector {
  #album;
  #queue;
  #viewer;
  #formats = Object.keys(NAMES);
  #chosen = ""; // by the reader; a picture that it cannot hold is saved in its own format

  constructor(album, queue, viewer, { download }) {
    this.#album = album;
    this.#queue = queue;
    this.#viewer = viewer;
    for (const event of ["selected", "list"]) album.addEventListener(event, () => this.#draw());
    album.addEventListener("picture", (event) => event.detail === album.selected && this.#draw());
    const slider = byId("strength");
    slider.addEventListener("input", () => {
      if (!album.selected) return;
      album.selected.strength = Number(slider.value) / 100;
      this.#drawStrength();
      viewer.changed();
    });
    byId("strength-all").addEventListener("click", () => {
      for (const picture of album.pictures) picture.strength = album.selected.strength;
      this.#drawStrength();
    });
    byId("format").addEventListener("change", ({ target }) => {
      this.#chosen = target.value;
      this.#drawFormat();
    });
    byId("quality").addEventListener("change", ({ target }) => {
      target.value = String(Math.min(100, Math.max(1, Math.round(Number(target.value)) || 95)));
    });
    byId("download").addEventListener("click", () => download(album.selected));
    onLanguage(() => this.#draw());
  }

  /** `formats` are those that the server writes. */
  setFormats(formats) {
    this.#formats = formats;
    this.#draw();
  }

  /** How a picture is to be saved, as the server's query. */
  saving(picture) {
    const able = picture.restoration.job.formats;
    const format = able.includes(this.#chosen) ? this.#chosen : null;
    const lossy = LOSSY.includes(format ?? ownFormat(picture));
    return { format, quality: lossy ? byId("quality").value : null, strength: picture.strength };
  }

  #draw() {
    const picture = this.#album.selected;
    byId("inspector").hidden = !picture;
    this.#message(picture);
    if (!picture) return;
    const run = picture.restoration;
    setText(byId("name"), picture.name);
    byId("name").title = picture.path;
    const facts = [
      picture.width ? say("size", picture.width, picture.height) : "",
      picture.megapixels === null ? "" : say("megapixels", picture.megapixels),
      run.selfEnsemble > 1 ? `${run.model} ×${run.selfEnsemble}` : run.model,
      ...(run.job?.notes ?? []),
    ];
    setText(byId("facts"), facts.filter(Boolean).join(" · "));
    byId("download").disabled = run.state !== "done";
    byId("strength").disabled = run.state !== "done" && !run.patches.length;
    this.#drawStrength();
    this.#drawFormat();
  }

  #drawStrength() {
    const { pictures, selected } = this.#album;
    const percent = Math.round(selected.strength * 100);
    const slider = byId("strength");
    slider.value = String(percent);
    slider.style.setProperty("--part", percent / 100);
    slider.setAttribute("aria-valuetext", say("percent", percent));
    setText(byId("strength-value"), say("percent", percent));
    byId("strength-all").hidden = pictures.length < 2;
    byId("strength-all").disabled = pictures.every(({ strength }) => strength === selected.strength);
  }

  #drawFormat() {
    const select = byId("format");
    const picture = this.#album.selected;
    const own = picture ? ownFormat(picture) : null;
    const able = picture?.restoration.job?.formats;
    const formats = this.#formats.filter((format) => !able || able.includes(format));
    const chosen = formats.includes(this.#chosen) ? this.#chosen : "";
    const options = [
      make("option", { value: "", textContent: say("sameFormat", NAMES[own]) }),
      ...formats.map((format) => make("option", { value: format, textContent: NAMES[format] ?? format })),
    ];
    if (select.options.length !== options.length || options.some((option, index) => option.textContent !== select.options[index].textContent)) {
      select.replaceChildren(...options);
    }
    select.value = chosen;
    byId("quality-label").hidden = !LOSSY.includes(chosen || own);
  }

  /** Over the picture: why there is nothing to see. */
  #message(picture) {
    const message = byId("message");
    const state = picture?.restoration.state;
    const key = `${picture?.path} ${picture?.restoration.id} ${state} ${say("code")}`;
    if (message.dataset.key === key) return;
    message.dataset.key = key;
    if (state !== "failed" && state !== "cancelled") {
      const text = picture && !picture.restoration.onServer ? say(state === "sending" ? "opening" : "waiting") : "";
      message.replaceChildren(...(text ? [make("p", { className: "quietly", textContent: text })] : []));
      return;
    }
    const run = picture.restoration;
    const box = make("div", { className: "failure" }, icon(state === "failed" ? "warn" : "stop"),
      make("h3", { textContent: say(state) }),
      make("p", { textContent: state === "failed" ? reason(run.problem) : picture.name }));
    const more = state === "failed" ? details(run.problem) : "";
    if (more) box.append(make("p", { className: "fine", textContent: more, lang: "en" }));
    if (picture.file) {
      const again = make("button", { type: "button", className: "main", textContent: say("retry") });
      again.addEventListener("click", () => this.#queue.again(picture, run.model, run.selfEnsemble));
      box.append(again);
    }
    message.replaceChildren(box);
  }
}
