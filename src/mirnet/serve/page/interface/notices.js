/* Messages that concern all pictures, and what screen readers are told. */

import { byId, icon, iconButton, make, setText } from "./elements.js";
import { onLanguage, say } from "./language.js";

const shown = new Map(); // by name: the function that fills the notice
let spoken = null;

/** Says a sentence to screen readers; those that follow quickly wait for each other. */
export function announce(text) {
  clearTimeout(spoken);
  spoken = setTimeout(() => setText(byId("announcement"), text), 250);
}

function copyButton(command) {
  const button = make("button", { type: "button", className: "quiet", textContent: say("copy") });
  button.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(command);
    button.textContent = say("copied");
  });
  return button;
}

function draw() {
  const notices = [...shown].map(([name, content]) => {
    const { text, command, actions = [], kind = "info", lasting = false } = content();
    const notice = make("div", { className: `notice ${kind}` }, icon("warn"), make("p", {}, text));
    notice.setAttribute("role", kind === "warning" ? "alert" : "status");
    if (command) notice.append(make("code", { textContent: command }), copyButton(command));
    for (const { label, act } of actions) {
      const button = make("button", { type: "button", className: "quiet", textContent: label });
      button.addEventListener("click", act);
      notice.append(button);
    }
    if (!lasting) notice.append(iconButton("close", say("dismiss"), () => dismiss(name)));
    return notice;
  });
  byId("notices").replaceChildren(...notices);
}

/** Shows a notice; `content` gives { text, command, actions, kind, lasting } in the current language. */
export function notify(name, content) {
  shown.set(name, content);
  draw();
}

export function dismiss(name) {
  if (shown.delete(name)) draw();
}

export const startNotices = () => onLanguage(draw);
