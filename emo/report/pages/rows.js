"use strict";
/* Rows that select boxes and a search field filter: [data-filter] says which rows, data-key by what. */
(() => {
  for (const bar of document.querySelectorAll("[data-filter]")) {
    const place = emo.byId(bar.dataset.filter), few = Number(bar.dataset.few || 25);
    const rows = [...place.querySelectorAll("[data-row]")], inputs = [...bar.querySelectorAll("[data-key]")];
    const texts = rows.map(row => row.textContent.toLowerCase());
    const count = bar.querySelector("[role=status]"), more = place.parentElement.querySelector(".more button");
    let all = false;

    function fits(row, text) {
      return inputs.every(input => {
        const wanted = emo.get(input.dataset.key);
        if (!wanted) return true;
        if (input.type === "search")
          return wanted.toLowerCase().split(/\s+/).filter(Boolean).every(word => text.includes(word));
        if (![...input.options].some(option => option.value === wanted)) return true;
        return (row.getAttribute(`data-${input.dataset.key}`) || "").split("\n").includes(wanted);
      });
    }
    function show() {
      for (const input of inputs) {
        const wanted = emo.get(input.dataset.key);
        if (input.type === "search") { if (input.value !== wanted) input.value = wanted; }
        else input.value = [...input.options].some(option => option.value === wanted) ? wanted : "";
      }
      let found = 0, shown = 0;
      rows.forEach((row, i) => {
        const fit = fits(row, texts[i]);
        found += fit;
        row.hidden = !fit || (!all && shown >= few);
        shown += !row.hidden;
      });
      for (const group of place.querySelectorAll("[data-group]"))
        group.hidden = !group.querySelector("[data-row]:not([hidden])");
      if (count) count.textContent = `${found} of ${rows.length}`;
      if (more) { more.hidden = found <= shown; more.textContent = `show all ${found}`; }
    }
    for (const input of inputs)
      input.addEventListener("input", () => { all = false; emo.set({ [input.dataset.key]: input.value }); });
    more?.addEventListener("click", () => { all = true; show(); });
    emo.on(inputs.map(input => input.dataset.key), () => { all = false; show(); });
    show();
  }
})();
