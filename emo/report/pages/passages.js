"use strict";
/* What every passage is read as at the layer in the link; filters that the link holds. */
(() => {
  const D = emo.data("passages"), byId = emo.byId, n = D.written.length, FEW = 25;
  const read = emo.unpacked(D.read, D.bits), none = 2 ** D.bits - 1;
  const rows = [...byId("passages").tBodies[0].rows];
  const texts = rows.map(row => row.textContent.toLowerCase());
  const inputs = { emotion: byId("passage-emotion"), read: byId("passage-read"), text: byId("passage-search") };
  let all = false;

  function at() {
    const wanted = Number(emo.get("layer", D.start));
    return D.layers.reduce((best, x, i) => Math.abs(x - wanted) < Math.abs(D.layers[best] - wanted) ? i : best, 0);
  }
  function label() {
    const first = at() * n;
    rows.forEach((row, i) => {
      const guess = read[first + i], right = guess === D.written[i], cell = row.cells[row.cells.length - 1];
      cell.textContent = guess === none ? "–" : `${right ? "✓" : "✗"} ${D.emotions[guess]}`;
      cell.className = guess === none ? "" : right ? "good" : "bad";
    });
    for (const b of document.querySelectorAll("[data-layer]"))
      if (b.tagName === "B") b.textContent = D.layers[at()];
  }
  function show() {
    const emotion = emo.get("emotion"), kind = emo.get("read"), text = emo.get("text");
    inputs.emotion.value = D.emotions.includes(emotion) ? emotion : "";
    inputs.read.value = kind;
    if (inputs.text.value !== text) inputs.text.value = text;
    const words = text.toLowerCase().split(/\s+/).filter(Boolean), first = at() * n;
    let right = 0, scored = 0, shown = 0, fitting = 0;
    rows.forEach((row, i) => {
      const guess = read[first + i], hit = guess === D.written[i];
      const asked = (!emotion || D.emotions[D.written[i]] === emotion) && words.every(w => texts[i].includes(w));
      if (asked && guess !== none) { scored++; right += hit; }
      const fits = asked && (!kind || (kind === "right" ? hit : !hit && guess !== none));
      fitting += fits;
      row.hidden = !fits || (!all && shown >= FEW);
      shown += !row.hidden;
    });
    const share = scored ? ` (${(100 * right / scored).toFixed(1)} %; chance ${(100 / D.emotions.length).toFixed(1)} %)` : "";
    byId("passage-count").textContent = `${right} of ${scored} read as written${share}`;
    byId("passage-more").hidden = fitting <= shown;
    byId("passage-more").textContent = `show all ${fitting}`;
  }
  for (const [key, input] of Object.entries(inputs))
    input.addEventListener("input", () => { all = false; emo.set({ [key]: input.value }); });
  byId("passage-more").addEventListener("click", () => { all = true; show(); });
  emo.on(["layer"], () => { label(); show(); });
  emo.on(["emotion", "read", "text"], () => { all = false; show(); });
  label();
  show();
})();
