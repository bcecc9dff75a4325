/* All pictures together: the line above the list, its bar, the tab's title, and the buttons for all. */

import { TimeLeft } from "../pictures/time_left.js";
import { confirmed } from "./dialogs.js";
import { byId, setText } from "./elements.js";
import { onLanguage, say } from "./language.js";
import { announce } from "./notices.js";
import { reason } from "./reasons.js";

/** What a picture adds to the bar: one that failed needs no more time. */
const share = ({ state, progress }) => ({ cancelled: 0, failed: 1 })[state] ?? progress;

export class Summary {
  #album;
  #queue;
  #timeLeft = new TimeLeft();
  #drawing = false;
  #states = new Map(); // of each picture, to tell what has just ended

  constructor(album, queue) {
    this.#album = album;
    this.#queue = queue;
    album.addEventListener("list", () => this.#draw()); // what is shown at all, before anything is focused
    album.addEventListener("picture", () => this.#soon());
    onLanguage(() => this.#draw());
    byId("cancel-all").addEventListener("click", () => this.#cancelAll());
    byId("remove-all").addEventListener("click", () => this.#removeAll());
  }

  #soon() {
    if (this.#drawing) return;
    this.#drawing = true;
    setTimeout(() => {
      this.#drawing = false;
      this.#draw();
    }, 100);
  }

  #draw() {
    const { pictures } = this.#album;
    const count = (...states) => pictures.filter(({ restoration: { state } }) => states.includes(state)).length;
    const done = count("done");
    const failed = count("failed");
    const pending = pictures.filter(({ restoration }) => restoration.pending).length;
    const counted = pictures.length - count("cancelled");
    const progress = pictures.reduce((sum, { restoration }) => sum + share(restoration), 0);
    const part = counted ? Math.min(1, progress / counted) : 0;
    document.body.dataset.state = !pictures.length ? "empty" : pending ? "busy" : "rest";
    const left = this.#timeLeft.of(pictures);
    setText(byId("summary"), pictures.length ? say("summary", done, counted, pending ? left : null, failed) : "");
    byId("all-progress").value = part;
    byId("cancel-all").disabled = !pending;
    byId("download-all").disabled = !done;
    byId("remove-all").disabled = !pictures.length;
    document.title = pending
      ? say("title", Math.floor(part * 100), done, counted)
      : done
        ? say("titleDone", done)
        : "mirnet";
    this.#announce(pending, done);
  }

  #announce(pending, done) {
    const ended = this.#album.pictures.filter((picture) => {
      const before = this.#states.get(picture);
      this.#states.set(picture, picture.restoration.state);
      return before && before !== picture.restoration.state && ["done", "failed"].includes(picture.restoration.state);
    });
    if (!ended.length) return;
    const last = ended.at(-1);
    if (last.restoration.state === "failed") announce(say("announceFailed", last.name, reason(last.restoration.problem)));
    else announce(pending || done === 1 ? say("announceDone", last.name) : say("announceAll", done));
  }

  async #cancelAll() {
    const pending = this.#album.pictures.filter(({ restoration }) => restoration.pending);
    if (pending.length > 1 && !(await confirmed(say("confirmCancel", pending.length), say("cancel")))) return;
    // what waits goes first, or it would be sent as soon as there is room
    for (const picture of pending.toReversed()) this.#queue.cancel(picture);
  }

  async #removeAll() {
    const all = [...this.#album.pictures];
    if (!(await confirmed(say("confirmRemove", all.length), say("remove")))) return;
    this.#queue.remove(...all);
    byId("welcome").querySelector("button").focus();
  }
}
