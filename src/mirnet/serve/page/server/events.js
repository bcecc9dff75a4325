/* A job's events as they happen. EventSource cannot send the token, so the stream is read here. */

import { ask, online } from "./api.js";

const PAUSE = 1000; // milliseconds before a broken stream is opened again

function read(block) {
  const fields = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, "");
  }
  return fields;
}

/** Calls `onJob` with the job after each event, until its end or until `signal` aborts. */
export async function follow(id, onJob, signal) {
  let last = null;
  while (!signal.aborted) {
    try {
      const headers = { Accept: "text/event-stream", ...(last === null ? {} : { "Last-Event-ID": last }) };
      const response = await ask(`/v1/jobs/${id}/events`, { headers, signal });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        text += value.replaceAll("\r\n", "\n");
        const blocks = text.split("\n\n");
        text = blocks.pop();
        for (const block of blocks) {
          const { id: number, data } = read(block);
          if (number) last = number;
          if (!data) continue; // a heartbeat
          const job = JSON.parse(data);
          onJob(job);
          if (["done", "failed", "cancelled"].includes(job.state)) return;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error.status) return; // refused: the job is gone
    }
    await online();
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
