"use strict";
/* What the sections of a page share: state that the link holds, data, drawing, the tooltip. */
const emo = (() => {
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const state = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  const listeners = [];
  const byId = id => document.getElementById(id);

  function tell(keys) {
    for (const [names, react] of listeners) if (names.some(n => keys.includes(n))) react();
  }
  /* Empty values leave the link. */
  function set(values) {
    for (const [key, value] of Object.entries(values)) {
      if (value === "" || value === null || value === undefined) state.delete(key);
      else state.set(key, value);
    }
    try { history.replaceState(null, "", `#${state}`); } catch { /* a sandboxed frame has no history */ }
    tell(Object.keys(values));
  }
  addEventListener("hashchange", () => {
    if (!location.hash.includes("=")) return;
    const before = [...state.keys()];
    for (const key of before) state.delete(key);
    for (const [key, value] of new URLSearchParams(location.hash.slice(1))) state.set(key, value);
    tell([...new Set([...before, ...state.keys()])]);
  });

  function element(name, attributes = {}, text = null) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== null) made.textContent = text;
    return made;
  }
  function shape(name, attributes = {}, text = null) {
    const made = document.createElementNS(NAMESPACE, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== null) made.textContent = text;
    return made;
  }
  function bytes(text) {
    return Uint8Array.from(atob(text), c => c.charCodeAt(0));
  }
  function unpacked(text, bits, signed = false) {
    const view = new DataView(bytes(text).buffer), step = bits / 8;
    const read = `get${signed ? "Int" : "Uint"}${bits}`;
    return Array.from({ length: view.byteLength / step }, (_, i) => view[read](i * step, true));
  }

  const tip = byId("tip");
  function show(event) {
    const at = event.target.closest?.("[data-tip]");
    if (!at) { tip.hidden = true; return; }
    tip.textContent = at.dataset.tip;
    tip.hidden = false;
    const box = at.getBoundingClientRect();
    const x = event.clientX || box.right, y = event.clientY || box.bottom;
    tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${y + 14 + tip.offsetHeight > innerHeight ? y - tip.offsetHeight - 8 : y + 14}px`;
  }
  for (const kind of ["pointermove", "pointerdown", "focusin"]) addEventListener(kind, show);
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  /* Printing opens what is folded and folds it again. */
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details:not([open])")) {
      fold.open = true;
      fold.dataset.folded = "";
    }
  });
  addEventListener("afterprint", () => {
    for (const fold of document.querySelectorAll("details[data-folded]")) {
      fold.open = false;
      delete fold.dataset.folded;
    }
  });

  return {
    byId, set, element, shape, unpacked,
    get: (key, otherwise = "") => state.get(key) ?? otherwise,
    on: (names, react) => listeners.push([names, react]),
    data: name => JSON.parse(byId(`data-${name}`).textContent),
  };
})();
