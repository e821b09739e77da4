// What the pages can do beyond what they do without a script.
import htmx from "htmx.org";
import "./grid.js";
import { words } from "./words.js";

// Ages count on while a page stays open: from what the server said, since the clock of a
// device may be wrong.
const units = [[86400, "days"], [3600, "h"], [60, "min"], [1, "s"]];
function ago(seconds) {
  for (const [size, name] of units) {
    if (seconds >= (name === "days" ? 2 * size : size)) return "· " + words[name].replace("%d", Math.floor(seconds / size));
  }
  return "· " + words.now;
}
const born = new WeakMap();
function tick() {
  for (const age of document.querySelectorAll(".age[data-age]")) {
    if (!born.has(age)) born.set(age, Date.now() - 1000 * Number(age.dataset.age));
    const said = ago(Math.max(0, Math.floor((Date.now() - born.get(age)) / 1000)));
    if (age.textContent !== said) age.textContent = said;
  }
}
tick();
setInterval(() => document.hidden || tick(), 1000);
document.addEventListener("htmx:load", tick);

// A live part of a page is brought up to date when the server says that something changed:
// while it is looked at, and not from under somebody who has opened or marked something in it.
// Only a page in sight holds a connection, for a browser has few of them.
let news, due = false, busy = false, patience = 5000;
const live = () => document.getElementById("live");
function listen() {
  const part = live();
  if (!part || news || document.hidden) return;
  news = new EventSource("/events?since=" + part.dataset.since);
  for (const name of ["any", ...part.dataset.live.split(" ")]) news.addEventListener(name, changed);
  news.addEventListener("ended", () => location.reload());
  news.onopen = () => (patience = 5000);
  news.onerror = () => {
    if (news?.readyState !== EventSource.CLOSED) return; // it tries again by itself
    hush();
    setTimeout(listen, patience * (1 + Math.random()));
    patience = Math.min(2 * patience, 300000);
  };
}
function hush() {
  news?.close();
  news = undefined;
}
// What was typed or picked in it is never taken away.
document.addEventListener("input", (event) => {
  const part = event.target.closest?.("#live");
  if (part && !event.target.closest("form[method=get]")) part.dataset.typed = "yes";
});
function changed() {
  if (due) return;
  due = true;
  setTimeout(refresh, 150); // several nouns change at once
}
const inUse = (part) => {
  const marked = getSelection();
  return part.querySelector(".sort-choice[open], .pull[open], :popover-open, input:focus, textarea:focus") || part.dataset.typed || document.querySelector(".htmx-request") || (marked.type === "Range" && part.contains(marked.anchorNode));
};
async function refresh() {
  const part = live(), here = location.href;
  if (!due || busy || !part || document.hidden) return;
  if (inUse(part)) {
    setTimeout(refresh, 2000);
    return;
  }
  due = false;
  busy = true;
  try {
    const answer = await fetch(here, { headers: { Live: "yes" } });
    if (answer.redirected) return location.reload(); // to sign in
    const page = await answer.text();
    if (!answer.ok || location.href !== here || live() !== part) return;
    if (inUse(part)) { // by now: the answer was under way for a while
      due = true;
      setTimeout(refresh, 2000);
      return;
    }
    const open = [...part.querySelectorAll("details")].map((d) => d.open);
    htmx.swap(part, page, { swapStyle: "outerHTML", swapDelay: 0, settleDelay: 0 }, { select: "#live" });
    live()?.querySelectorAll("details").forEach((d, i) => (d.open = open[i] ?? false));
  } catch {
    due = true; // the next news, or the next look, tries again
  } finally {
    busy = false;
  }
}
listen();
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return hush();
  listen();
  if (live()) changed();
});
addEventListener("pagehide", hush);
addEventListener("pageshow", (event) => event.persisted && (listen(), live() && changed()));

// An address says what is filtered by, and nothing of what is not.
htmx.on("htmx:configRequest", ({ detail }) => {
  if (detail.verb !== "get") return;
  for (const [name, value] of [...detail.formData.entries()]) if (value === "") detail.formData.delete(name);
});

// A form that saves itself is saved before another is sent: nothing that was typed a moment ago is left behind.
const typed = new Map(), asSent = new WeakMap(); // form → how often it was changed: by now, and when it was last sent
for (const what of ["input", "change"]) {
  document.addEventListener(what, ({ target: { form } }) => {
    if (form?.matches?.("form[hx-post][hx-trigger^=change]")) typed.set(form, (typed.get(form) ?? 0) + 1);
  });
}
htmx.on("htmx:beforeRequest", ({ detail: { elt } }) => asSent.set(elt, typed.get(elt)));
htmx.on("htmx:afterRequest", ({ detail: { elt, successful } }) => successful && asSent.get(elt) === typed.get(elt) && typed.delete(elt));
document.addEventListener("submit", (event) => {
  const form = event.target, first = [...typed.keys()].filter((f) => f !== form && f.isConnected);
  if (form.method !== "post" || !first.length) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  typed.clear();
  const by = event.submitter;
  Promise.allSettled(first.map((f) => fetch(f.action, { method: "POST", body: new URLSearchParams(new FormData(f)) }))).then(() => form.requestSubmit(by));
}, true);

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  form.closest("#filter-sheet:popover-open")?.hidePopover();
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  setTimeout(() => form.querySelectorAll("button[type=submit]").forEach((b) => b.setAttribute("aria-disabled", "true")));
});
addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    form.querySelectorAll("button[aria-disabled]").forEach((b) => b.removeAttribute("aria-disabled"));
  });
});

// Whoever leaves a form with what was typed and not sent is asked.
document.addEventListener("input", ({ target: { form } }) => form?.dataset.unsent !== undefined && (form.dataset.unsent = "typed"));
addEventListener("beforeunload", (event) => document.querySelector("form[data-unsent=typed]:not([data-sent])") && event.preventDefault());

// Files on their way show how far they are. Without a script the form is sent as any other.
document.addEventListener("submit", (event) => {
  const form = event.target, bar = form.querySelector?.(".upload-progress");
  if (!bar || form.dataset.upload === undefined || event.defaultPrevented) return;
  event.preventDefault();
  const request = new XMLHttpRequest();
  const over = () => {
    delete form.dataset.sent;
    bar.hidden = true;
    form.querySelectorAll("button[aria-disabled]").forEach((b) => b.removeAttribute("aria-disabled"));
  };
  request.open("POST", form.action);
  request.upload.addEventListener("progress", (e) => {
    if (e.lengthComputable) bar.value = (100 * e.loaded) / e.total;
  });
  request.addEventListener("load", () => {
    const place = new DOMParser().parseFromString(request.responseText, "text/html");
    const fault = place.querySelector("main .notice[role=alert]");
    if (request.status < 300 && !fault && request.responseURL !== form.action) return location.assign(request.responseURL.split("#")[0]);
    if (request.status < 300 && !fault) {
      // The answer is the page itself.
      document.querySelector("main").replaceWith(place.querySelector("main"));
      htmx.process(document.querySelector("main"));
      return document.querySelector("main").focus();
    }
    over();
    const title = fault?.querySelector(".notice-title")?.textContent ?? words.unsent;
    const why = [...(fault?.querySelectorAll("li") ?? [])].map((li) => li.textContent.trim()).join("; ");
    say(title.trim(), why || words.again);
  });
  request.addEventListener("error", () => (over(), say(words.silent, words.connection)));
  bar.hidden = false;
  bar.value = 0;
  request.send(new FormData(form));
});

// What hangs from a summary closes by Escape and by a press elsewhere.
const pulled = () => document.querySelectorAll("details.pull[open], details.sort-choice[open]");
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  pulled().forEach((d) => {
    d.open = false;
    if (d.contains(document.activeElement)) d.querySelector("summary").focus();
  });
});
document.addEventListener("click", (event) => pulled().forEach((d) => { if (!d.contains(event.target)) d.open = false; }));

// A form that came back with faults: read them first.
document.getElementById("error-summary")?.focus();

// When a part of a page cannot be brought up to date, say so instead of doing nothing.
function say(title, text) {
  const place = document.getElementById("announcements");
  if (!place) return;
  const notice = document.createElement("div");
  notice.className = "notice tone-warn";
  notice.setAttribute("role", "alert");
  const words = document.createElement("div");
  for (const [kind, said] of [["notice-title", title], ["", text]]) {
    const p = document.createElement("p");
    p.className = kind;
    p.textContent = said;
    words.append(p);
  }
  notice.append(words);
  place.replaceChildren(notice);
}
htmx.on("htmx:sendError", () => say(words.silent, words.old));
htmx.on("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if (status === 401) location.reload();
  else if (status === 429) say(words.many, words.wait);
  else say(words.unshown, words.tell);
});
