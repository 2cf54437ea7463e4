/* Acts as a reader does, and writes down what is to be seen after every step. */
const see = () => ({
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  width: document.documentElement.clientWidth,
  hash: location.hash,
  layer: document.getElementById("layer-number")?.textContent,
  count: document.getElementById("passage-count")?.textContent,
  rows: [...document.querySelectorAll("#passages tbody tr, [data-row]")].filter(r => r.offsetParent).length,
  tip: document.getElementById("tip").hidden ? "" : document.getElementById("tip").textContent,
  paper: getComputedStyle(document.body).backgroundColor,
  small: [...document.querySelectorAll("svg[role=img]")].filter(s => !s.getAttribute("aria-label")).length,
  images: [...document.images].filter(i => !i.alt).length,
});
window.onerror = message => { document.getElementById("seen").textContent = JSON.stringify([message]); };
const key = name => document.body.dispatchEvent(new KeyboardEvent("keydown", {key: name, bubbles: true}));
const say = (node, value) => {
  node.value = value;
  node.dispatchEvent(new Event("input", {bubbles: true}));
};
const steps = STEPS;
document.getElementById("seen").textContent = JSON.stringify([see(), ...steps.map(step => { step(); return see(); })]);
