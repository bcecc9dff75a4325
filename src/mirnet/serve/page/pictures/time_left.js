/* How long the rest takes, from what has been done since the batch began. */

export class TimeLeft {
  #start = null;
  #before = 0;

  /** Seconds left for all pictures, or null while nothing is known. */
  of(pictures, now = performance.now()) {
    const restorations = pictures.map((picture) => ({ picture, run: picture.restoration }));
    const pending = restorations.filter(({ run }) => run.pending);
    const known = pictures.map((picture) => picture.megapixels).filter((value) => value !== null);
    const typical = known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
    const work = ({ picture, run }, share) => (picture.megapixels ?? typical ?? 0) * run.selfEnsemble * share;
    const done = restorations.reduce((sum, item) => sum + work(item, item.run.progress), 0);
    if (!pending.length) {
      this.#start = null;
      return null;
    }
    if (this.#start === null || done < this.#before) {
      this.#start = now;
      this.#before = done;
    }
    const gained = done - this.#before;
    const seconds = (now - this.#start) / 1000;
    if (gained <= 0 || seconds < 1) return null;
    const left = pending.reduce((sum, item) => sum + work(item, 1 - item.run.progress), 0);
    return (left * seconds) / gained;
  }
}
