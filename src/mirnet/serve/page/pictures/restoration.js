/* One run of one model over one picture: a job, before and after the server knows it. */

/** Version 4 UUID; `crypto.randomUUID` exists in secure contexts only, and a LAN is none. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export class Restoration {
  constructor(model, selfEnsemble) {
    this.id = newId();
    this.model = model;
    this.selfEnsemble = selfEnsemble;
    /** waiting and sending are the page's; queued, running, done, failed, cancelled the server's */
    this.state = "waiting";
    this.sent = null; // 0 to 1, while sending
    this.job = null; // what the server said last
    this.problem = null;
    this.patches = []; // parts that are restored already, while the whole is not
    this.sending = null; // AbortController
  }

  static of(job) {
    const restoration = new Restoration(job.model, job.self_ensemble);
    restoration.id = job.id;
    restoration.update(job);
    return restoration;
  }

  get active() {
    return ["sending", "queued", "running"].includes(this.state);
  }

  get pending() {
    return this.active || this.state === "waiting";
  }

  get onServer() {
    return this.job !== null;
  }

  get progress() {
    return this.state === "done" ? 1 : (this.job?.progress ?? 0);
  }

  /** Takes what the server says of the job; true if that changes anything. */
  update(job) {
    if (this.state === "cancelled") return false;
    const finished = ["done", "failed", "cancelled"];
    if (finished.includes(this.state) && !finished.includes(job.state)) return false; // came late
    const region = job.region;
    if (region?.state === "done" && !this.patches.some((patch) => sameRegion(patch, region))) this.patches.push(region);
    const changed = JSON.stringify(job) !== JSON.stringify(this.job) || this.state !== job.state;
    this.job = job;
    this.state = job.state;
    this.problem = job.problem;
    return changed;
  }

  fail(problem) {
    this.state = "failed";
    this.problem = problem;
  }
}

export const sameRegion = (one, other) =>
  one.x === other.x && one.y === other.y && one.width === other.width && one.height === other.height;
