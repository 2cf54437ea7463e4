"use strict";
/* RDM, map and curves at the layer in the link. */
(() => {
  /* The section of a report has several models: the link says which, and another loads the page anew. */
  const models = emo.data("geometry"), byId = emo.byId;
  const D = models[Math.max(0, models.findIndex(m => m.model === emo.get("model")))];
  const N = D.emotions.length, PAIRS = N * (N - 1) / 2;
  const cosines = emo.unpacked(D.cosines, 16, true);
  const MOST_NAMES = 80; /* of more points in the map, only the chosen one shows its name */
  const slider = byId("layer"), same = byId("same");
  slider.max = D.layers.length - 1;
  const menu = byId("model");
  if (menu) {
    for (const m of models) menu.append(emo.element("option", {}, m.model));
    menu.value = D.model;
    menu.addEventListener("change", () => { emo.set({ model: menu.value, layer: "" }); location.reload(); });
  }
  for (const choice of D.choices) {
    const b = emo.element("button", { type: "button", "aria-pressed": "false" }, `${choice.words}: ${choice.layer}`);
    if (choice.low !== null) b.title = `95 % of bootstrap replicates choose layers ${choice.low} to ${choice.high}`;
    b.dataset.layer = choice.layer;
    b.addEventListener("click", () => go(choice.layer));
    byId("choices").append(b);
  }
  const place = () => {
    const wanted = Number(emo.get("layer", D.start));
    let best = 0;
    D.layers.forEach((x, i) => { if (Math.abs(x - wanted) < Math.abs(D.layers[best] - wanted)) best = i; });
    return best;
  };
  const go = layer => emo.set({ layer });
  const number = (v, digits = 2) => v === null || v === undefined ? "–" : v.toFixed(digits).replace("-", "−");
  const pair = (i, j) => { const [a, b] = i < j ? [i, j] : [j, i]; return a * N - a * (a + 1) / 2 + b - a - 1; };
  const cosine = (at, i, j) => cosines[at * PAIRS + pair(i, j)] / D.scale;
  const hue = i => D.poles[i] > 0 ? "var(--blue)" : D.poles[i] < 0 ? "var(--orange)" : "var(--grey)";
  const largest = Math.max(.01, ...range(cosines));
  function range(values) {
    let most = 0;
    for (const v of values) most = Math.max(most, Math.abs(v) / D.scale);
    return [most];
  }
  const choose = i => emo.set({ emotion: emo.get("emotion") === D.emotions[i] ? "" : D.emotions[i] });

  function button(node, i) {
    node.setAttribute("tabindex", "0");
    node.setAttribute("role", "button");
    node.setAttribute("data-emotion", D.emotions[i]);
    node.style.cursor = "pointer";
    node.addEventListener("click", () => choose(i));
    node.addEventListener("keydown", event => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(i); }
    });
  }

  /* The fields are made once; a layer changes their colours. */
  const fields = [], legend = [];
  function makeRdm() {
    const svg = byId("rdm"), width = 480;
    const label = Math.min(150, 8 + 6.6 * Math.max(...D.emotions.map(e => e.length)));
    const size = (width - label) / N, letters = Math.min(12.5, Math.max(4, size * .92));
    const gap = Math.min(.7, size * .06);
    svg.setAttribute("viewBox", `0 0 ${width} ${size * N + 4}`);
    D.order.forEach((i, r) => {
      for (let c = 0; c < r; c++) {
        const field = emo.shape("rect", {
          x: c * size, y: r * size, width: size - gap, height: size - gap,
        });
        fields.push([field, i, D.order[c]]);
        svg.append(field);
      }
      const name = emo.shape("text", { x: r * size + 3, y: (r + .76) * size, "font-size": letters }, D.emotions[i]);
      button(name, i);
      svg.append(name);
    });
    const left = width - 172;
    svg.append(emo.shape("text", { x: left, y: 12, "font-size": 11 }, "cosine"));
    [-1, -.5, 0, .5, 1].forEach((share, k) => {
      const box = { x: left + 34 * k, y: 18, width: 34, height: 11 };
      svg.append(emo.shape("rect", { ...box, style: "fill:rgb(var(--middle))" }));
      svg.append(emo.shape("rect", { ...box, style: paint(share, 1) }));
      const words = emo.shape("text", { x: left + 34 * k + 17, y: 42, "font-size": 10, "text-anchor": "middle" });
      legend.push([words, share]);
      svg.append(words);
    });
  }
  const paint = (v, reach) =>
    `fill:rgb(var(--${v < 0 ? "low" : "high"}));fill-opacity:${Math.min(1, Math.abs(v) / reach).toFixed(3)}`;
  function rdm(at) {
    const here = cosines.slice(at * PAIRS, (at + 1) * PAIRS);
    const reach = same.checked ? largest : Math.max(.01, ...range(here));
    let near = [-2], far = [2];
    for (const [field, i, j] of fields) {
      const v = cosine(at, i, j);
      if (v > near[0]) near = [v, i, j];
      if (v < far[0]) far = [v, i, j];
      field.setAttribute("style", paint(v, reach));
      field.dataset.tip = `${D.emotions[i]} – ${D.emotions[j]}: ${number(v, 3)}`;
    }
    for (const [words, share] of legend) words.textContent = number(share * reach);
    byId("rdm-scale").textContent = `The colours end at ${number(reach)}, the largest cosine of ${same.checked ? "any" : "this"} layer.`;
    const said = x => `${D.emotions[x[1]]} and ${D.emotions[x[2]]} (${number(x[0])})`;
    byId("rdm").setAttribute("aria-label",
      `Cosines of ${N} ${D.kind} vectors at layer ${D.layers[at]}. Nearest: ${said(near)}. Farthest: ${said(far)}.`);
  }

  function map(at) {
    const svg = byId("map"), width = 480, height = 440, chosen = emo.get("emotion");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren();
    let most = 1e-9;
    for (const layer of D.points) for (const p of layer) most = Math.max(most, Math.abs(p[0]), Math.abs(p[1]));
    const unit = (height / 2 - 22) / most;
    const spots = D.points[at].map(p => [width / 2 + p[0] * unit, height / 2 - p[1] * unit]);
    svg.append(
      emo.shape("line", { x1: 0, x2: width, y1: height / 2, y2: height / 2, style: "stroke:var(--line)" }),
      emo.shape("line", { x1: width / 2, x2: width / 2, y1: 0, y2: height, style: "stroke:var(--line)" }));
    const labels = spots.map((p, i) => {
      const w = D.emotions[i].length * 6.5 + 2;
      const met = x => spots.filter((q, j) => j !== i && q[0] > x - 4 && q[0] < x + w && Math.abs(q[1] - p[1]) < 9).length;
      const fits = { right: p[0] + 6 + w < width, left: p[0] - 6 - w > 0 };
      const right = fits.right && !(fits.left && met(p[0] + 6) > met(p[0] - 6 - w));
      return { x: right ? p[0] + 6 : p[0] - 6 - w, y: p[1] + 4, w };
    });
    const named = N <= MOST_NAMES;
    if (named) apart(labels, spots, height);
    spots.forEach((p, i) => {
      const name = D.emotions[i], faint = chosen && chosen !== name, side = labels[i].x < p[0] ? labels[i].w : 0;
      const group = emo.shape("g", { opacity: faint ? .35 : 1 });
      const label = named || chosen === name ? [
        emo.shape("line", { x1: p[0], y1: p[1], x2: labels[i].x + side, y2: labels[i].y - 4, style: `stroke:${hue(i)};opacity:.4` }),
        emo.shape("text", { x: labels[i].x, y: labels[i].y, "font-size": 12, style: `fill:${hue(i)}` }, name),
      ] : [];
      group.append(emo.shape("circle", { cx: p[0], cy: p[1], r: chosen === name ? 6 : 4, style: `fill:${hue(i)}` }), ...label);
      button(group, i);
      group.dataset.tip = `${name}: ${number(D.points[at][i][0])}, ${number(D.points[at][i][1])}`;
      svg.append(group);
    });
    const share = Math.round(100 * D.share[at]);
    const colours = D.poles.some(p => p) ? " Blue: pleasant; orange: unpleasant; grey: neither or not told." : "";
    byId("map-share").textContent = `At layer ${D.layers[at]} they show ${share} % of the variance; the other ${100 - share} % is not in the map.${colours}`;
  }
  /* Labels that lie on each other or on a point move up or down. */
  function apart(labels, spots, height) {
    for (let round = 0; round < 150; round++) {
      let moved = false;
      labels.forEach((a, i) => spots.forEach((p, j) => {
        const down = 10 - Math.abs(a.y - 4 - p[1]);
        if (i === j || p[0] < a.x - 4 || p[0] > a.x + a.w || down <= 0) return;
        a.y += (a.y - 4 >= p[1] ? 1 : -1) * down * .3;
        moved = true;
      }));
      for (let i = 0; i < labels.length; i++) for (let j = 0; j < i; j++) {
        const a = labels[i], b = labels[j];
        const across = Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x), down = 13 - Math.abs(a.y - b.y);
        if (across <= 0 || down <= 0) continue;
        const way = (a.y === b.y ? i > j : a.y > b.y) ? 1 : -1;
        a.y += way * down * .3;
        b.y -= way * down * .3;
        moved = true;
      }
      for (const label of labels) label.y = Math.max(11, Math.min(height - 4, label.y));
      if (!moved) return;
    }
  }

  /* Curves: a frame made once, and the line of the layer. */
  const panels = [];
  const L = D.curves.length ? D.curves[0].values.length : 0;
  const X = layer => 40 + (L > 1 ? layer * 350 / (L - 1) : 175);
  function makeCurve(c) {
    const box = emo.element("figure", { style: "margin:0" }), head = emo.element("figcaption");
    const svg = emo.shape("svg", { viewBox: "0 0 400 150", role: "img", style: "cursor:crosshair" });
    const known = [...c.values, ...(c.null ? [...c.null[0], ...c.null[1]] : []), ...(c.interval ? [...c.interval[0], ...c.interval[1]] : []),
      ...(c.line ? [c.line[0]] : [])].filter(v => v !== null);
    if (!known.length) return;
    let low = Math.min(...known), high = Math.max(...known);
    if (high - low < 1e-6) { low -= .01; high += .01; }
    const pad = (high - low) * .06, Y = v => 128 - (v - low + pad) / (high - low + 2 * pad) * 120;
    const step = [1, 2, 5, 10].map(k => k * 10 ** Math.floor(Math.log10((high - low) / 3))).find(s => (high - low) / s <= 4);
    for (let v = Math.ceil(low / step) * step; v <= high + 1e-9; v += step)
      svg.append(emo.shape("line", { x1: 40, x2: 390, y1: Y(v), y2: Y(v), style: "stroke:var(--line)" }),
        emo.shape("text", { x: 36, y: Y(v) + 4, "font-size": 11, "text-anchor": "end" }, number(v, step < .01 ? 3 : step < 1 ? 2 : 0)));
    for (const layer of L > 1 ? [0, Math.round((L - 1) / 2), L - 1] : [0])
      svg.append(emo.shape("text", { x: X(layer), y: 145, "font-size": 11, "text-anchor": "middle" }, layer));
    for (const choice of D.choices) if (choice.curve === c.name && choice.low !== null)
      svg.append(emo.shape("rect", { x: X(choice.low) - 3, y: 6, width: X(choice.high) - X(choice.low) + 6, height: 122, style: `fill:var(--${c.colour});opacity:.13` }));
    if (c.null) {
      const there = c.null[0].map((v, i) => i).filter(i => c.null[0][i] !== null && c.null[1][i] !== null);
      const edge = [...there.map(i => [X(i), Y(c.null[1][i])]), ...there.reverse().map(i => [X(i), Y(c.null[0][i])])];
      svg.append(emo.shape("polygon", { points: edge.join(" "), style: "fill:var(--grey);opacity:.28" }));
    }
    if (c.line) svg.append(
      emo.shape("line", { x1: 40, x2: 390, y1: Y(c.line[0]), y2: Y(c.line[0]), style: "stroke:var(--soft);stroke-dasharray:5 4" }),
      emo.shape("text", { x: 388, y: Y(c.line[0]) - 4, "font-size": 11, "text-anchor": "end" }, c.line[1]));
    c.values.forEach((v, i) => {
      if (c.interval && c.interval[0][i] !== null && c.interval[1][i] !== null)
        svg.append(emo.shape("line", { x1: X(i), x2: X(i), y1: Y(c.interval[0][i]), y2: Y(c.interval[1][i]), style: `stroke:var(--${c.colour});opacity:.5` }));
      if (v !== null) svg.append(emo.shape("circle", { cx: X(i), cy: Y(v), r: 2.4, style: `fill:var(--${c.colour})` }));
    });
    let path = "";
    c.values.forEach((v, i) => { if (v !== null) path += `${path && c.values[i - 1] !== null ? "L" : "M"}${X(i)} ${Y(v)}`; });
    svg.append(emo.shape("path", { d: path, style: `fill:none;stroke:var(--${c.colour});stroke-width:2` }));
    for (const choice of D.choices) if (choice.curve === c.name && c.values[choice.layer] !== null)
      svg.append(emo.shape("circle", { cx: X(choice.layer), cy: Y(c.values[choice.layer]), r: 6, style: `fill:none;stroke:var(--${c.colour});stroke-width:1.5` }));
    const here = emo.shape("line", { y1: 4, y2: 130, style: "stroke:var(--ink);stroke-width:1.5" });
    svg.append(here);
    svg.addEventListener("click", event => {
      const frame = svg.getBoundingClientRect(), x = (event.clientX - frame.left) / frame.width * 400;
      go(Math.max(0, Math.min(L - 1, Math.round((x - 40) / 350 * (L - 1) || 0))));
    });
    box.append(head, svg);
    byId("curves").append(box);
    panels.push([c, head, svg, here]);
  }
  function curves(at) {
    const layer = D.layers[at];
    for (const [c, head, svg, here] of panels) {
      const beside = c.null && c.null[0][layer] !== null
        ? ` (permuted ${number(c.null[0][layer], 3)} to ${number(c.null[1][layer], 3)}${c.p[layer] === null ? "" : `, p ${number(c.p[layer], 3)}`})` : "";
      head.textContent = `${c.title}: ${number(c.values[layer], 3)}${beside}`;
      svg.setAttribute("aria-label", `${c.title} over ${L} layers; at layer ${layer} ${number(c.values[layer], 3)}${beside}`);
      here.setAttribute("x1", X(layer));
      here.setAttribute("x2", X(layer));
    }
  }

  function cards(at) {
    const layer = D.layers[at], made = [];
    for (const [name, words] of Object.entries(D.cards)) {
      const c = D.curves.find(x => x.name === name);
      if (c) made.push([number(c.values[layer], name.startsWith("accuracy") ? 3 : 2), words]);
    }
    made.push([`${layer}`, `the layer shown, of 0 to ${L - 1}`]);
    byId("cards").replaceChildren(...made.map(([large, words]) => {
      const card = emo.element("div", { class: "card" });
      card.append(emo.element("b", {}, large), emo.element("span", {}, words));
      return card;
    }));
  }

  function draw() {
    const at = place(), layer = D.layers[at];
    slider.value = at;
    slider.setAttribute("aria-valuetext", `layer ${layer}`);
    byId("layer-number").textContent = layer;
    for (const b of document.querySelectorAll("#choices button"))
      b.setAttribute("aria-pressed", Number(b.dataset.layer) === layer);
    rdm(at); map(at); curves(at); cards(at);
  }
  slider.addEventListener("input", () => go(D.layers[slider.value]));
  same.addEventListener("change", () => rdm(place()));
  addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey || event.target.closest?.("input, select, textarea, pre, .wide")) return;
    event.preventDefault();
    go(D.layers[Math.max(0, Math.min(D.layers.length - 1, place() + step))]);
  });
  makeRdm();
  D.curves.forEach(makeCurve);
  emo.on(["layer", "emotion"], draw);
  draw();
})();
