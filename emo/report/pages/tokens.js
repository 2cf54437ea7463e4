"use strict";
/* Tokens in the colour of the chosen emotion at the chosen layer; all emotions of the chosen token. */
(() => {
  const D = emo.data("tokens"), byId = emo.byId, E = D.emotions.length;
  const values = emo.unpacked(D.values, 16, true), wholes = emo.unpacked(D.whole, 16, true);
  const lengths = D.marks.map(marks => marks.length), perLayer = E * lengths.reduce((sum, n) => sum + n, 0);
  const offsets = lengths.map((_, i) => E * lengths.slice(0, i).reduce((sum, n) => sum + n, 0));
  const articles = [...document.querySelectorAll("article[data-text]")];
  const spans = articles.map(article => [...article.querySelectorAll(".token")]);
  const tables = articles.map(article => [...article.querySelector("tbody").rows]);
  const slider = byId("token-slider"), select = byId("token-emotion"), panel = byId("token-panel");

  function place() {
    const wanted = Number(emo.get("layer", D.layers[D.start]));
    return D.layers.reduce((best, x, i) => Math.abs(x - wanted) < Math.abs(D.layers[best] - wanted) ? i : best, 0);
  }
  function emotion() {
    return Math.max(0, D.emotions.indexOf(emo.get("emotion", D.emotion)));
  }
  function value(at, text, e, token) {
    const whole = values[at * perLayer + offsets[text] + e * lengths[text] + token];
    return whole === D.nothing ? null : whole / D.largest * D.sizes[at];
  }
  function words(x) {
    if (x === null) return "–";
    const text = Math.abs(x) < 10 ? x.toFixed(2) : x.toPrecision(3);
    return `${x >= 0 || Number(text) === 0 ? "+" : ""}${Number(text) === 0 ? text.replace("-", "") : text}`;
  }
  function ranked(at, text, token) {
    return D.emotions.map((name, e) => [name, value(at, text, e, token)]).filter(pair => pair[1] !== null)
      .sort((a, b) => b[1] - a[1]);
  }
  function means(at, text) {
    const kept = D.marks[text].map((mark, i) => mark ? -1 : i).filter(i => i >= 0);
    return D.emotions.map((name, e) => {
      const some = kept.map(i => value(at, text, e, i)).filter(x => x !== null);
      return [name, some.length ? some.reduce((a, b) => a + b, 0) / some.length : null];
    }).filter(pair => pair[1] !== null).sort((a, b) => b[1] - a[1]);
  }
  function wholeOf(at, text) {
    const many = D.read.filter(Boolean).length, before = D.read.slice(0, text).filter(Boolean).length;
    return D.emotions.map((name, e) => [name, wholes[(at * many + before) * E + e]])
      .filter(pair => pair[1] !== D.nothing).map(([name, x]) => [name, x / D.largest * D.sizes[at]])
      .sort((a, b) => b[1] - a[1]);
  }
  const listed = pairs => pairs.map(([name, x]) => `${name} ${words(x)}`).join(", ");

  function colour() {
    const at = place(), e = emotion(), scale = D.scales[at];
    select.value = D.emotions[e];
    byId("token-layer").textContent = D.layers[at];
    if (slider) {
      slider.value = at;
      slider.setAttribute("aria-valuetext", `layer ${D.layers[at]}`);
    }
    byId("token-high").textContent = words(scale);
    byId("token-low").textContent = words(-scale);
    spans.forEach((row, text) => row.forEach((span, i) => {
      const x = value(at, text, e, i), mark = D.marks[text][i], long = D.lengths[text][at][i];
      const share = mark || x === null || !scale ? 0 : Math.max(-1, Math.min(1, x / scale));
      span.style.setProperty("--v", Math.abs(share));
      span.classList.toggle("below", share < 0);
      const size = long === null ? "" : `; length ${long} of a neutral sentence's`;
      span.dataset.tip = `token ${i}${mark ? ` (${mark})` : ""}: ${D.emotions[e]} ${words(x)}`
        + ` | largest: ${listed(ranked(at, text, i).slice(0, 5))}${size}`;
    }));
  }
  function tabulate() {
    const at = place();
    articles.forEach((article, text) => {
      article.querySelector("[data-means]").textContent = listed(means(at, text).slice(0, 5)) || "no value";
      for (const named of article.querySelectorAll("[data-at]")) named.textContent = D.layers[at];
      if (D.read[text]) article.querySelector("[data-whole]").textContent = listed(wholeOf(at, text).slice(0, 5));
      tables[text].forEach((row, i) => {
        const top = ranked(at, text, i);
        for (let k = 0; k < D.top; k++) row.cells[3 + k].textContent = k < top.length ? listed([top[k]]) : "–";
      });
    });
  }
  function detail() {
    const [text, token] = emo.get("token").split(".").map(Number), at = place();
    for (const row of spans) for (const span of row) span.removeAttribute("aria-current");
    const span = emo.get("token") && spans[text]?.[token];
    panel.hidden = !span;
    if (!span) return;
    span.setAttribute("aria-current", "true");
    articles[text].querySelector(".tokens").after(panel);
    byId("token-title").textContent = `“${span.textContent.trim()}”, token ${token}, layer ${D.layers[at]}`;
    const pairs = ranked(at, text, token), most = Math.max(...pairs.map(pair => Math.abs(pair[1])), 1e-9);
    const focused = document.activeElement?.dataset?.emotion;
    byId("token-levels").replaceChildren(...pairs.flatMap(([name, x]) => {
      const button = emo.element("button", { type: "button", "data-emotion": name }, name);
      button.setAttribute("aria-pressed", String(name === D.emotions[emotion()]));
      button.addEventListener("click", () => emo.set({ emotion: name }));
      const level = emo.element("span", { class: "level" }), bar = emo.element("i", { class: x < 0 ? "below" : "" });
      const width = 50 * Math.abs(x) / most;
      bar.style.left = `${x < 0 ? 50 - width : 50}%`;
      bar.style.width = `${width}%`;
      level.append(bar);
      return [button, level, emo.element("span", {}, words(x))];
    }));
    if (focused) panel.querySelector(`[data-emotion="${CSS.escape(focused)}"]`)?.focus();
  }

  function choose(text, token) {
    emo.set({ token: `${text}.${token}` });
    for (const span of spans[text]) span.tabIndex = -1;
    spans[text][token].tabIndex = 0;
  }
  spans.forEach((row, text) => row.forEach((span, i) => {
    span.tabIndex = i === 0 ? 0 : -1;
    span.addEventListener("click", () => { span.focus(); choose(text, i); });
    span.addEventListener("keydown", event => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -i, End: row.length - 1 - i }[event.key];
      if (event.key === "Enter" || event.key === " ") choose(text, i);
      else if (step !== undefined && row[i + step]) { choose(text, i + step); row[i + step].focus(); }
      else return;
      event.preventDefault();
    });
  }));
  select.addEventListener("input", () => emo.set({ emotion: select.value }));
  slider?.addEventListener("input", () => emo.set({ layer: D.layers[slider.value] }));
  emo.on(["layer"], () => { colour(); tabulate(); detail(); });
  emo.on(["emotion"], () => { colour(); detail(); });
  emo.on(["token"], detail);
  colour();
  tabulate();
  detail();
})();
