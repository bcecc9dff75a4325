/* Puts the page together. */

import { Inspector } from "./interface/inspector.js";
import { List } from "./interface/list.js";
import { Settings } from "./interface/settings.js";
import { Summary } from "./interface/summary.js";
import { Toolbar } from "./interface/toolbar.js";
import { startAdding } from "./interface/adding.js";
import { askToken, startHelp } from "./interface/dialogs.js";
import { byId, setText } from "./interface/elements.js";
import { onLanguage, say, startLanguage } from "./interface/language.js";
import { announce, dismiss, notify, startNotices } from "./interface/notices.js";
import { details, reason } from "./interface/reasons.js";
import { startShortcuts } from "./interface/shortcuts.js";
import { startTheme } from "./interface/theme.js";
import { Album, Picture } from "./pictures/album.js";
import { downloadAll, downloadOne } from "./pictures/download.js";
import { sort } from "./pictures/intake.js";
import { Queue } from "./pictures/queue.js";
import { Restoration } from "./pictures/restoration.js";
import { fetchThumbnail, makeThumbnails } from "./pictures/thumbnails.js";
import { connection, listJobs, models, onTokenNeeded, online } from "./server/api.js";
import { Viewer } from "./viewer/viewer.js";

const MANY = 1000; // pictures, from which the command line serves better
const FORMATS = [
  ["jpg", "JPEG"],
  ["png", "PNG"],
  ["tif", "TIFF"],
  ["webp", "WebP"],
  ["avif", "AVIF"],
  ["heic", "HEIC"],
  ["jxl", "JPEG XL"],
  ["dng", "RAW"],
]; // what the page tells of all that can be read, by one suffix each
const OWN_MACHINE = ["localhost", "127.0.0.1", "[::1]"];
const isOwn = OWN_MACHINE.includes(location.hostname);

startLanguage(byId("language"));
startTheme(byId("theme"));
startHelp();
startNotices();
onTokenNeeded(() => askToken(isOwn));
if (location.search) history.replaceState(null, "", "/"); // the launch token is in a cookie now

const album = new Album();
const queue = new Queue(album);
const viewer = new Viewer(byId("viewport"), byId("canvas"), byId("divider"));
const toolbar = new Toolbar(album, queue, viewer);
const settings = new Settings(album, queue);
const inspector = new Inspector(album, queue, viewer, { download: save });
new List(album, queue);
new Summary(album, queue);
startShortcuts(album, viewer, toolbar);

let facts = null; // the server's answer of /v1/models
let learnt; // a promise of it

const isBusy = () => album.pictures.some(({ restoration }) => restoration.state === "waiting");
addEventListener("beforeunload", (event) => isBusy() && event.preventDefault());

async function save(picture) {
  try {
    dismiss("download");
    await downloadOne(picture, inspector.saving(picture));
  } catch (error) {
    notify("download", () => ({ text: [`${picture.name}: ${reason(error)}`, details(error)].filter(Boolean).join(" "), kind: "warning" }));
  }
}

byId("download-all").addEventListener("click", async () => {
  const done = album.pictures.filter(({ restoration }) => restoration.state === "done");
  const button = byId("download-all");
  const label = button.querySelector("span");
  button.setAttribute("aria-busy", "true");
  dismiss("download");
  try {
    const told = (packed) => setText(label, say("zipProgress", packed + 1, done.length));
    await downloadAll(done, (picture) => inspector.saving(picture), told);
  } catch (error) {
    notify("download", () => ({ text: [reason(error), details(error)].filter(Boolean).join(" "), kind: "warning" }));
  } finally {
    button.removeAttribute("aria-busy");
    setText(label, say("downloadAll"));
  }
});

async function add(files) {
  notify("reading", () => ({ text: say("reading"), lasting: true }));
  const [found] = await Promise.all([files, learnt]).finally(() => dismiss("reading"));
  const { pictures, extras, others } = sort(found, facts);
  const { model, selfEnsemble } = settings;
  const fresh = pictures.map(({ path, file }) => new Picture(path, file, new Restoration(model, selfEnsemble)));
  for (const { install, count, suffixes } of extras) {
    const kinds = [...suffixes].join(", ");
    notify(install, () => ({ text: say("needsExtra", count, kinds), command: install }));
  }
  dismiss("left-out");
  if (!fresh.length && !extras.length) notify("left-out", () => ({ text: say("nothingFound") }));
  else if (others) notify("left-out", () => ({ text: say("leftOut", others) }));
  if (fresh.length > MANY) notify("many", () => ({ text: say("tooMany", fresh.length) }));
  if (!fresh.length) return;
  const wasEmpty = !album.pictures.length;
  album.add(fresh);
  announce(say("announceAdded", fresh.length));
  makeThumbnails(fresh, (picture) => album.changed(picture));
  queue.pump();
  if (wasEmpty) byId("pictures").querySelector("button").focus({ preventScroll: true });
}
startAdding(add);

connection.addEventListener("offline", () => {
  notify("offline", () =>
    isOwn
      ? { text: say("offline"), command: "mirnet serve", kind: "warning", lasting: true }
      : { text: say("offlineElsewhere"), kind: "warning", lasting: true });
});
connection.addEventListener("online", () => dismiss("offline"));

queue.addEventListener("problem", () => {
  const removeDone = () => {
    dismiss("space");
    queue.remove(...album.pictures.filter(({ restoration }) => restoration.state === "done"));
  };
  notify("space", () => ({
    text: say("outOfSpace"),
    kind: "warning",
    actions: [{ label: say("removeDone"), act: removeDone }],
  }));
});

function describe() {
  const hours = facts?.limits.results_hours ?? 24;
  setText(byId("privacy"), isOwn ? say("here") : say("elsewhere", location.host, hours));
  const suffixes = (facts?.formats_in ?? []).map((suffix) => suffix.slice(1));
  const main = FORMATS.filter(([suffix]) => suffixes.includes(suffix)).map(([, name]) => name);
  setText(byId("formats"), facts ? say("formats", main.join(", ")) : "");
}

async function learn() {
  for (;;) {
    try {
      facts = await models();
      break;
    } catch (error) {
      if (error.code !== "unreachable") throw error;
      await online();
    }
  }
  settings.setModels(facts.models, facts.default);
  toolbar.setModels(facts.models);
  inspector.setFormats(facts.formats_out);
  describe();
}

learnt = learn();
onLanguage(describe);
await learnt;
album.addJobs(await listJobs());
for (const picture of album.pictures) fetchThumbnail(picture).then((made) => made && album.changed(picture));
queue.start(facts.limits);
document.body.dataset.ready = "true";
