/* The requests of the page: one function for each, pictures and JSON out, `Problem` for what fails. */

const TOKEN = "mirnet.token";
let askForToken = null;
let reachable = true;

/** Tells "online" and "offline" as events, and waits in between. */
export const connection = new EventTarget();

/** What the server refused or failed at; `code` is a stable word, 0 the status of no answer. */
export class Problem extends Error {
  constructor(code, { status = 0, detail = "", retryAfter = null } = {}) {
    super(detail || code);
    Object.assign(this, { code, status, detail, retryAfter });
  }
}

/** `ask` returns a promise of the token that the reader enters. */
export function onTokenNeeded(ask) {
  askForToken = ask;
}

function heard() {
  if (reachable) return;
  reachable = true;
  connection.dispatchEvent(new Event("online"));
}

async function untilAlive() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    try {
      if ((await fetch("/healthz", { cache: "no-store" })).ok) return heard();
    } catch {
      // still away
    }
  }
}

function lost() {
  if (reachable) {
    reachable = false;
    connection.dispatchEvent(new Event("offline"));
    untilAlive();
  }
  return new Problem("unreachable");
}

/** Resolves at once, or when the server answers again. */
export function online() {
  if (reachable) return Promise.resolve();
  return new Promise((resolve) => connection.addEventListener("online", resolve, { once: true }));
}

function address(path, query = {}) {
  const url = new URL(path, location.origin);
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) url.searchParams.set(key, value);
  }
  return url;
}

function credentials() {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

function problemFrom(status, text, retryAfter) {
  let said = {};
  try {
    said = JSON.parse(text) ?? {};
  } catch {
    // a proxy's own page
  }
  const known = { 401: "unauthorised", 404: "not_found", 413: "too_large", 415: "unknown_format", 507: "no_space" };
  const code = said.code ?? known[status] ?? "other";
  const seconds = Number(retryAfter);
  return new Problem(code, { status, detail: said.detail ?? "", retryAfter: seconds > 0 ? seconds : null });
}

let token = null;
function newToken() {
  token ??= askForToken()
    .then((text) => sessionStorage.setItem(TOKEN, text))
    .finally(() => (token = null));
  return token;
}

/** The response of a request that went well. */
export async function ask(path, { method = "GET", query, headers = {}, signal } = {}) {
  for (;;) {
    let response;
    try {
      response = await fetch(address(path, query), { method, signal, headers: { ...headers, ...credentials() } });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw lost();
    }
    heard();
    if (response.ok) return response;
    const problem = problemFrom(response.status, await response.text(), response.headers.get("Retry-After"));
    if (problem.status !== 401) throw problem;
    await newToken();
  }
}

/** Sends a file, with its progress from 0 to 1; fetch cannot tell how much has been sent. */
function send(path, file, { query, onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", address(path, query));
    for (const [name, value] of Object.entries(credentials())) request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.upload.addEventListener("progress", (event) => event.total && onProgress(event.loaded / event.total));
    request.addEventListener("load", () => {
      heard();
      const { status, responseText: text } = request;
      if (status >= 300) return reject(problemFrom(status, text, request.getResponseHeader("Retry-After")));
      try {
        resolve(JSON.parse(text));
      } catch {
        reject(lost());
      }
    });
    request.addEventListener("error", () => reject(lost()));
    request.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}

/** What an answer holds; one that breaks off is as good as none. */
async function read(kind, response) {
  const answer = await response;
  try {
    return await answer[kind]();
  } catch (error) {
    throw error.name === "AbortError" ? error : lost();
  }
}

const json = (response) => read("json", response);
const blob = (response) => read("blob", response);

export const models = () => json(ask("/v1/models"));
export const listJobs = async () => (await json(ask("/v1/jobs"))).jobs;
export const removeJob = (id) => ask(`/v1/jobs/${id}`, { method: "DELETE" });
export const thumbnail = (id) => blob(ask(`/v1/jobs/${id}/thumbnail`));
export const restoreFirst = (id, region) => json(ask(`/v1/jobs/${id}/region`, { method: "POST", query: region }));
export const result = (id, query, signal) => ask(`/v1/jobs/${id}/result`, { query, signal });

/** A job of a new id; the same id again is the same job. */
export const createJob = (id, file, { name, model, selfEnsemble, onProgress, signal }) =>
  send(`/v1/jobs/${id}`, file, {
    query: { name, model, self_ensemble: selfEnsemble, keep: "layers" },
    onProgress,
    signal,
  });

/** Part of a picture as the screen shows it. */
export async function view(id, query) {
  return createImageBitmap(await blob(ask(`/v1/jobs/${id}/view`, { query, headers: { Accept: "image/png" } })));
}
