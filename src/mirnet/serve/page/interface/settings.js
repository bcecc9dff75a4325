/* Model and self-ensemble for new pictures, with the model's card in short. */

import { byId, make, setText } from "./elements.js";
import { onLanguage, say } from "./language.js";
import { recall, remember } from "./remembered.js";

const VIEWS = [1, 2, 4, 8];

export class Settings {
  #album;
  #queue;
  #models = [];

  constructor(album, queue) {
    this.#album = album;
    this.#queue = queue;
    for (const id of ["model", "ensemble"]) {
      byId(id).addEventListener("change", ({ target }) => {
        if (id === "model") remember("model", target.value);
        this.#draw();
      });
    }
    for (const event of ["selected", "picture"]) album.addEventListener(event, () => this.#drawAgain());
    byId("again").addEventListener("click", () => queue.again(album.selected, this.model, this.selfEnsemble));
    onLanguage(() => this.#lay());
  }

  get model() {
    return byId("model").value;
  }

  get selfEnsemble() {
    return Number(byId("ensemble").value);
  }

  /** The server's models, and the one it starts with. */
  setModels(models, first) {
    this.#models = models;
    this.#lay();
    const wished = recall("model", first);
    byId("model").value = models.some(({ name }) => name === wished) ? wished : first;
    this.#draw();
  }

  #lay() {
    const { model, selfEnsemble } = this;
    byId("model").replaceChildren(...this.#models.map(({ name }) => make("option", { value: name, textContent: name })));
    if (model) byId("model").value = model;
    const label = (views) => (views === 1 ? say("ensembleOff") : say("ensembleViews", views));
    byId("ensemble").replaceChildren(...VIEWS.map((views) => make("option", { value: String(views), textContent: label(views) })));
    byId("ensemble").value = String(selfEnsemble || 1);
    this.#draw();
  }

  #draw() {
    const model = this.#models.find(({ name }) => name === this.model);
    if (!model) return;
    const summary = say("cards")[model.name] ?? model.summary;
    const parameters = model.parameters ? say("parameters", model.parameters) : "";
    const enlarges = model.scale > 1 ? say("enlarges", model.scale) : "";
    setText(byId("card"), [summary, enlarges, parameters].filter(Boolean).join(" · "));
    setText(byId("whole-card"), model.card ?? "");
    byId("whole-card").parentElement.hidden = !model.card;
    this.#drawAgain();
  }

  /** Another model than the selected picture's is offered for it. */
  #drawAgain() {
    const picture = this.#album.selected;
    const run = picture?.restoration;
    const differs = run && (run.model !== this.model || run.selfEnsemble !== this.selfEnsemble);
    const button = byId("again");
    button.hidden = !(differs && picture.file && this.model);
    if (button.hidden) return;
    setText(button, this.selfEnsemble > 1 ? say("againEnsemble", this.model, this.selfEnsemble) : say("again", this.model));
  }
}
