// Replaces fragments of the page with newer ones from the server. Without this script the page is
// complete, and as old as its last load.
"use strict";

const path = document.body.dataset.live;
const panel = document.querySelector(".live");

if (path && panel) {
  const state = document.getElementById("live-state");
  const pause = document.getElementById("pause");
  let source = null;
  let lost = null;
  let pending = {};

  const say = (word) => {
    panel.dataset.state = word;
    if (state.textContent !== word) state.textContent = word;
  };

  const swap = (id, html) => {
    const element = document.getElementById(id);
    if (!element) return;
    // Keep what the reader has opened, scrolled or focused.
    const focused = element.contains(document.activeElement) ? document.activeElement : null;
    const label = focused && focused.getAttribute("aria-label");
    const open = [...element.querySelectorAll("details[open][id]")].map((d) => d.id);
    const scrolled = [...element.querySelectorAll(".scroll")].map((s) => [s.scrollLeft, s.scrollTop]);
    const summaryOf = focused && focused.tagName === "SUMMARY" ? focused.parentElement.id : "";
    element.innerHTML = html;
    for (const details of open) {
      const found = document.getElementById(details);
      if (found) found.open = true;
    }
    element.querySelectorAll(".scroll").forEach((s, i) => {
      if (scrolled[i]) [s.scrollLeft, s.scrollTop] = scrolled[i];
    });
    if (!focused) return;
    const again =
      (focused.id && document.getElementById(focused.id)) ||
      (summaryOf && document.querySelector(`#${CSS.escape(summaryOf)} > summary`)) ||
      (label && element.querySelector(`[aria-label="${CSS.escape(label)}"]`));
    if (again) again.focus({ preventScroll: true });
  };

  const connect = () => {
    source = new EventSource(path);
    source.addEventListener("fragments", (message) => {
      clearTimeout(lost);
      lost = null;
      say("live");
      Object.assign(pending, JSON.parse(message.data));
      // Replace nothing while text is selected, such as an id that is being copied.
      if (!document.getSelection().isCollapsed) return;
      for (const [id, html] of Object.entries(pending)) swap(id, html);
      pending = {};
    });
    source.addEventListener("error", () => {
      // A stream ends regularly, and the next one begins at once.
      lost ??= setTimeout(() => say("not connected"), 4000);
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
    });
  };

  pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", String(paused));
    if (paused) {
      source.close();
      clearTimeout(lost);
      lost = null;
      say("paused");
    } else {
      say("connecting");
      connect();
    }
  });

  panel.hidden = false;
  connect();
}
