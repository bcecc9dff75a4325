/* The list of pictures: thumbnail, name, megapixels, progress, and what can be done with each. */

import { byId, iconButton, make, setText } from "./elements.js";
import { onLanguage, say } from "./language.js";
import { reason } from "./reasons.js";

function status(picture) {
  const run = picture.restoration;
  const { job } = run;
  switch (run.state) {
    case "sending":
      return say("sending", run.sent === null ? null : Math.floor(run.sent * 100));
    case "running":
      return say("running", Math.floor(job.progress * 100), job.tiles_done, job.tiles, job.eta_seconds ?? null);
    case "failed":
      return reason(run.problem);
    case "done":
      return job.seconds ? say("doneIn", job.seconds) : say("done");
    default:
      return say(run.state);
  }
}

export class List {
  #album;
  #queue;
  #element = byId("pictures");
  #rows = new Map(); // by picture

  constructor(album, queue) {
    this.#album = album;
    this.#queue = queue;
    album.addEventListener("list", () => this.#lay());
    album.addEventListener("picture", (event) => this.#fill(event.detail));
    album.addEventListener("selected", () => this.#mark());
    onLanguage(() => {
      this.#rows.clear();
      this.#lay();
    });
    this.#element.addEventListener("keydown", (event) => this.#key(event));
  }

  #lay() {
    const { pictures } = this.#album;
    for (const picture of this.#rows.keys()) if (!pictures.includes(picture)) this.#rows.delete(picture);
    const fresh = pictures.filter((picture) => !this.#rows.has(picture));
    for (const picture of fresh) {
      this.#rows.set(picture, this.#row(picture));
      this.#fill(picture);
    }
    this.#element.replaceChildren(...pictures.map((picture) => this.#rows.get(picture).item));
    this.#mark();
  }

  #row(picture) {
    const image = make("img", { alt: "", className: "thumbnail", decoding: "async", hidden: true });
    const kind = make("span", { className: "kind", textContent: picture.name.split(".").at(-1).slice(0, 4).toUpperCase() });
    const name = make("span", { className: "name", textContent: picture.name, title: picture.path });
    const facts = make("span", { className: "facts" });
    const state = make("span", { className: "state" });
    const bar = make("span", { className: "bar-of-one" }, make("span"));
    bar.setAttribute("aria-hidden", "true");
    const open = make("button", { type: "button", className: "open" },
      make("span", { className: "thumb" }, image, kind),
      make("span", { className: "text" }, make("span", { className: "first" }, name, facts), state, bar));
    open.addEventListener("click", () => this.#album.select(picture));
    const actions = make("span", { className: "actions" });
    const item = make("li", {}, open, actions);
    return { item, open, image, kind, facts, state, bar, actions, offered: "" };
  }

  #fill(picture) {
    const row = this.#rows.get(picture);
    if (!row) return;
    const run = picture.restoration;
    if (picture.thumbnail && row.image.src !== picture.thumbnail) {
      row.image.src = picture.thumbnail;
      row.image.hidden = false;
      row.kind.hidden = true;
    }
    row.item.dataset.state = run.state;
    setText(row.facts, picture.megapixels === null ? "" : say("megapixels", picture.megapixels));
    setText(row.state, status(picture));
    row.state.title = run.state === "failed" ? row.state.textContent : "";
    row.bar.style.setProperty("--part", run.progress);
    this.#offer(picture, row);
  }

  /** The buttons change only with what they can do, so that the focus stays. */
  #offer(picture, row) {
    const { pending, state } = picture.restoration;
    const retry = ["failed", "cancelled"].includes(state) && picture.file;
    const offered = `${pending} ${Boolean(retry)}`;
    if (offered === row.offered) return;
    row.offered = offered;
    const hadFocus = row.actions.contains(document.activeElement);
    const { name, restoration } = picture;
    const buttons = pending
      ? [iconButton("stop", say("cancelOne", name), () => this.#queue.cancel(picture))]
      : [iconButton("close", say("removeOne", name), () => this.#remove(picture))];
    if (retry) {
      const again = () => this.#queue.again(picture, restoration.model, restoration.selfEnsemble);
      buttons.unshift(iconButton("retry", say("retryOne", name), again));
    }
    row.actions.replaceChildren(...buttons);
    if (hadFocus) buttons[0].focus();
  }

  #remove(picture) {
    const { pictures } = this.#album;
    const index = pictures.indexOf(picture);
    const hadFocus = this.#rows.get(picture).item.contains(document.activeElement);
    this.#queue.remove(picture);
    const next = pictures[Math.min(index, pictures.length - 1)];
    if (hadFocus) (next ? this.#rows.get(next).open : byId("welcome").querySelector("button")).focus();
  }

  #mark() {
    for (const [picture, { open, item }] of this.#rows) {
      const selected = picture === this.#album.selected;
      if (selected) open.setAttribute("aria-current", "true");
      else open.removeAttribute("aria-current");
      if (selected) item.scrollIntoView({ block: "nearest" });
    }
  }

  /** Up and down move through the list, Delete cancels or removes. */
  #key(event) {
    const { pictures } = this.#album;
    const index = pictures.findIndex((picture) => this.#rows.get(picture).item.contains(event.target));
    if (index < 0) return;
    const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: pictures.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      const picture = pictures[Math.min(Math.max(0, to), pictures.length - 1)];
      this.#album.select(picture);
      this.#rows.get(picture).open.focus();
    } else if (event.key === "Delete") {
      const picture = pictures[index];
      if (picture.restoration.pending) this.#queue.cancel(picture);
      else this.#remove(picture);
    }
  }
}
