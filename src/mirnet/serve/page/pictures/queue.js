/* Sends what waits, a few pictures at a time, and keeps up with what the server does. */

import { Problem, createJob, listJobs, online, removeJob } from "../server/api.js";
import { follow } from "../server/events.js";
import { Restoration } from "./restoration.js";
import { fetchThumbnail } from "./thumbnails.js";

const AT_ONCE = 6; // jobs on the server: it is never idle, and what is chosen waits behind few
const SENDING = 2;
const BYTES = 14; // of a pixel on the server: the original, what is removed from it, a result
const SHARE = 0.8; // of the server's room that the page fills: others may use it, too
const POLL = 500; // milliseconds
const POLL_HIDDEN = 2000;

/** Events: "problem" with a `Problem` as `detail` that concerns all pictures. */
export class Queue extends EventTarget {
  #album;
  #limit = AT_ONCE;
  #room = Infinity; // bytes
  #pausedUntil = 0;
  #polling = false;
  #followed = new Map(); // by job: AbortController

  constructor(album) {
    super();
    this.#album = album;
    album.addEventListener("selected", () => this.#followSelected());
  }

  /** `limits` of the server's `/v1/models`. */
  start(limits) {
    this.#limit = Math.max(1, Math.min(AT_ONCE, limits.jobs_per_client));
    this.#room = limits.results_gigabytes * 1e9 * SHARE;
    this.pump();
  }

  #all() {
    const { pictures, selected } = this.#album;
    const inOrder = selected ? [selected, ...pictures.filter((picture) => picture !== selected)] : pictures;
    return inOrder.flatMap((picture) => picture.restorations().map((run) => ({ picture, run })));
  }

  /** Sends as much as may be sent now; the picture that is looked at goes first. */
  pump() {
    this.#poll();
    if (performance.now() < this.#pausedUntil) return;
    const all = this.#all();
    let active = all.filter(({ run }) => run.active).length;
    let sending = all.filter(({ run }) => run.state === "sending").length;
    for (const { picture, run } of all.filter(({ run: { state } }) => state === "waiting")) {
      if (active >= this.#limit || sending >= SENDING) return;
      if (!this.#fits(picture)) return;
      this.#send(picture, run);
      active += 1;
      sending += 1;
    }
  }

  /** Whether the server keeps one more result. It would delete the oldest, perhaps not downloaded yet. */
  #fits(picture) {
    const kept = this.#all().filter(({ run }) => run.active || run.state === "done");
    const known = kept.map((item) => item.picture.megapixels).filter((value) => value !== null);
    if (!known.length) return true;
    const sum = known.reduce((total, value) => total + value, 0);
    const typical = sum / known.length; // stands in for sizes that only the server can read
    const megapixels = sum + typical * (kept.length - known.length) + (picture.megapixels ?? typical);
    if (megapixels * 1e6 * BYTES <= this.#room) return true;
    if (!kept.some(({ run }) => run.active)) this.#tell(new Problem("no_space"));
    return false;
  }

  #tell(problem) {
    this.dispatchEvent(new CustomEvent("problem", { detail: problem }));
  }

  #pause(seconds) {
    this.#pausedUntil = performance.now() + seconds * 1000;
    setTimeout(() => this.pump(), seconds * 1000 + 10);
  }

  async #send(picture, run) {
    const album = this.#album;
    run.state = "sending";
    run.sent = null;
    run.sending = new AbortController();
    album.changed(picture);
    try {
      album.rememberPath(run.id, run === picture.restoration ? picture.path : false);
      const job = await createJob(run.id, picture.file, {
        name: picture.name,
        model: run.model,
        selfEnsemble: run.selfEnsemble,
        signal: run.sending.signal,
        onProgress: (share) => {
          run.sent = share;
          album.changed(picture);
        },
      });
      run.update(job);
    } catch (error) {
      this.#sendFailed(run, error);
    }
    run.sending = null;
    if (run.onServer && run.state !== "cancelled") {
      fetchThumbnail(picture).then((made) => made && album.changed(picture));
      this.#followSelected();
    }
    album.changed(picture);
    this.pump();
  }

  #sendFailed(run, error) {
    if (run.state === "cancelled" || error.name === "AbortError") {
      run.state = "cancelled";
    } else if (error.code === "unreachable") {
      // the same id again is the same job, so sending twice does no harm
      run.state = "waiting";
      this.#pausedUntil = Infinity;
      online().then(() => this.#pause(0));
    } else if (error.status === 429 || error.status === 503) {
      run.state = "waiting";
      this.#pause(error.retryAfter ?? 2);
    } else if (error.status === 507) {
      run.state = "waiting";
      this.#pause(10);
      this.#tell(error);
    } else {
      run.fail(error);
    }
  }

  async #poll() {
    if (this.#polling) return;
    this.#polling = true;
    try {
      await this.#untilNoneIsPending();
    } finally {
      this.#polling = false;
    }
  }

  async #untilNoneIsPending() {
    while (this.#all().some(({ run }) => run.pending)) {
      await new Promise((resolve) => setTimeout(resolve, document.hidden ? POLL_HIDDEN : POLL));
      await online();
      const asked = this.#all().filter(({ run }) => ["queued", "running"].includes(run.state));
      if (!asked.length) continue;
      try {
        const jobs = new Map((await listJobs()).map((job) => [job.id, job]));
        for (const { picture, run } of asked) {
          if (!["queued", "running"].includes(run.state)) continue; // changed meanwhile
          if (jobs.has(run.id)) this.#heard(picture, run, jobs.get(run.id));
          else {
            run.fail(new Problem("not_found"));
            this.#album.changed(picture);
          }
        }
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
      }
      this.pump();
    }
  }

  #heard(picture, run, job) {
    if (!run.update(job)) return;
    this.#album.changed(picture);
    if (!run.pending) this.pump();
  }

  /** The picture that is looked at is followed event by event: its parts appear at once. */
  #followSelected() {
    const picture = this.#album.selected;
    const wanted = (picture?.restorations() ?? []).filter((run) => ["queued", "running"].includes(run.state));
    for (const [id, controller] of this.#followed) {
      if (!wanted.some((run) => run.id === id)) {
        controller.abort();
        this.#followed.delete(id);
      }
    }
    for (const run of wanted) {
      if (this.#followed.has(run.id)) continue;
      const controller = new AbortController();
      this.#followed.set(run.id, controller);
      follow(run.id, (job) => this.#heard(picture, run, job), controller.signal).finally(() => {
        if (this.#followed.get(run.id) === controller) this.#followed.delete(run.id);
      });
    }
  }

  #discard(run) {
    if (run.sending) run.sending.abort();
    else if (!run.onServer || run.problem?.code === "not_found") return;
    removeJob(run.id).catch(() => {}); // gone or out of reach: the server forgets it by itself
  }

  cancel(picture) {
    for (const run of picture.restorations().filter(({ pending }) => pending)) {
      this.#discard(run);
      run.state = "cancelled";
    }
    this.#album.changed(picture);
    this.pump();
  }

  remove(...pictures) {
    for (const run of pictures.flatMap((picture) => picture.restorations())) this.#discard(run);
    this.#album.remove(pictures);
    this.pump();
  }

  /** Once more, with the same model or another; needs the file. */
  again(picture, model, selfEnsemble) {
    this.#discard(picture.restoration);
    picture.restoration = new Restoration(model, selfEnsemble);
    if (!picture.file) picture.restoration.fail(new Problem("fileGone"));
    this.#album.changed(picture);
    this.pump();
  }

  /** A second model for the same picture, to compare with. */
  beside(picture, model) {
    const known = picture.besides.get(model);
    if (known && !["failed", "cancelled"].includes(known.state)) return known;
    const run = new Restoration(model, picture.restoration.selfEnsemble);
    picture.besides.set(model, run);
    this.#album.changed(picture);
    this.pump();
    return run;
  }
}
