"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const cards = data.cards;
const byId = (id) => document.getElementById(id);
const root = document.documentElement;
const SVG = "http://www.w3.org/2000/svg";

// Elements are built from names, attributes and text. Data is never read as markup.
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === true) element.setAttribute(key, "");
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function draw(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

const percent = (share, digits = 1) => `${(share * 100).toFixed(digits)} %`;
const number = (value, digits) => value.toFixed(digits);
const compare = new Intl.Collator("en", { numeric: true }).compare;

// Filter options and the current selection.
const layers = data.panels;
const shares = cards.map((card) => card.share).filter((share) => share !== undefined);
// The histogram ends at the next 5 % over the largest share.
const topShare = shares.length ? Math.min(1, Math.max(0.05, Math.ceil(Math.max(...shares) * 20 - 1e-9) / 20)) : 1;
const splits = [...new Set(cards.map((card) => card.split).filter(Boolean))].sort(compare);
const commodities = [...new Set(cards.map((card) => card.commodity).filter(Boolean))].sort(compare);
const sorts = [
  ["id", "Name", (card) => card.id, 1],
  ["share-down", "Mining share, largest first", (card) => card.share, -1],
  ["share-up", "Mining share, least first", (card) => card.share, 1],
  ["outlier", "Outlier score", (card) => card.outlier && card.outlier.score, -1],
  ["bright", "Brightness, brightest first", (card) => card.brightness, -1],
  ["dark", "Brightness, darkest first", (card) => card.brightness, 1],
  ["nodata", "No data, most first", (card) => card.nodata, -1],
  ["date", "Date, oldest first", (card) => card.date, 1],
].filter(([id, , key]) => id === "id" || cards.some((card) => key(card) !== undefined));

const state = { text: "", split: "", commodity: "", low: 0, high: 1000, sort: "id", layer: layers.length ? layers[0][0] : "", outline: "line" };
let shown = [];

function choices(parent, name, options, chosen, onChange) {
  for (const [value, label] of options) {
    const input = make("input", { type: "radio", name, value, checked: value === chosen });
    input.addEventListener("change", () => onChange(value));
    parent.append(make("label", {}, input, make("span", {}, label)));
  }
}

function choose(name, value) {
  const input = document.querySelector(`input[name="${name}"][value="${value}"]`);
  if (input) { input.checked = true; input.dispatchEvent(new Event("change")); }
}

// A picture with its outlines.
function frame(card) {
  const uri = card.images[state.layer];
  const first = Object.values(card.images)[0];
  const element = make("span", { class: "frame" });
  if (uri || first) element.append(make("img", { src: uri || first, alt: "", width: card.width, height: card.height, decoding: "async" }));
  if (card.outline) {
    const svg = draw("svg", { viewBox: `0 0 ${card.width} ${card.height}`, "aria-hidden": "true" });
    svg.append(draw("path", { class: "casing", d: card.outline }), draw("path", { class: "line", d: card.outline }));
    element.append(svg);
  }
  if (!uri && layers.length > 0) {
    const title = layers.find(([id]) => id === state.layer)[1];
    element.append(make("span", { class: "lacks" }, `no bands for: ${title}`));
  }
  return element;
}

function describe(card) {
  return [card.split, card.commodity, card.date].filter(Boolean).join(" · ");
}

function sortNote(card) {
  switch (state.sort) {
    case "outlier": return card.outlier ? `outlier ${number(card.outlier.score, 1)}: ${data.features[card.outlier.feature]} ${card.outlier.is_high ? "high" : "low"}` : "";
    case "bright": case "dark": return card.brightness !== undefined ? `brightness ${number(card.brightness, 3)}` : "";
    case "nodata": return `no data ${percent(card.nodata)}`;
    default: return "";
  }
}

const items = cards.map((card, index) => {
  const button = make("button", { class: "card", type: "button" });
  button.addEventListener("click", () => open(index));
  return { card, button, item: make("li", {}, button), painted: "" };
});

// Cards are filled when they come near the screen, so a page of hundreds opens quickly.
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) paint(items[Number(entry.target.dataset.index)]);
}, { rootMargin: "600px" });
items.forEach((item, index) => { item.item.dataset.index = index; near.observe(item.item); });

function paint(item) {
  const wanted = `${state.layer} ${state.sort}`;
  if (item.painted === wanted) return;
  item.painted = wanted;
  const { card, button } = item;
  const picture = frame(card);
  if (card.share !== undefined) picture.append(make("span", { class: "badge" }, percent(card.share, card.share < 0.1 ? 1 : 0)));
  const meta = sortNote(card) || describe(card) || card.place || "";
  button.replaceChildren(picture, make("span", { class: "caption" }, make("span", { class: "name" }, card.id), make("span", { class: "meta" }, meta || "\u00a0")));
  const share = card.share !== undefined ? `, mining ${percent(card.share)}` : "";
  button.setAttribute("aria-label", `${card.id}${share}${meta ? `, ${meta}` : ""}`);
}

const haystacks = cards.map((card) =>
  [card.id, card.split, card.commodity, card.date, card.place, ...card.details.flat()].filter(Boolean).join(" ").toLowerCase());

const limits = () => [state.low / 1000 * topShare, state.high / 1000 * topShare];

function fits(card, index, withShare) {
  if (state.split && card.split !== state.split) return false;
  if (state.commodity && card.commodity !== state.commodity) return false;
  if (!state.text.split(/\s+/).every((word) => haystacks[index].includes(word))) return false;
  if (!withShare || (state.low === 0 && state.high === 1000)) return true;
  const [low, high] = limits();
  // Rounded limits must still include the shares that they came from.
  return card.share !== undefined && card.share >= low - 5e-5 && card.share <= high + 5e-5;
}

function refresh() {
  const [, , key, direction] = sorts.find(([id]) => id === state.sort);
  const order = (a, b) => {
    const [x, y] = [key(cards[a]), key(cards[b])];
    if (x === undefined || y === undefined) return (x === undefined) - (y === undefined) || compare(cards[a].id, cards[b].id);
    const by = typeof x === "string" ? compare(x, y) : x - y;
    return by * direction || compare(cards[a].id, cards[b].id);
  };
  shown = cards.map((_, index) => index).filter((index) => fits(cards[index], index, true)).sort(order);
  byId("grid").replaceChildren(...shown.map((index) => items[index].item));
  // The observer does not report cards that are already on the screen.
  const bottom = window.innerHeight + 600;
  for (const index of shown) {
    if (items[index].item.getBoundingClientRect().top > bottom) break;
    paint(items[index]);
  }
  const filtered = shown.length < cards.length;
  byId("count").textContent = filtered ? `${shown.length} of ${cards.length} patches` : `${cards.length} ${cards.length === 1 ? "patch" : "patches"}`;
  byId("reset").hidden = !(state.text || state.split || state.commodity || state.low > 0 || state.high < 1000);
  byId("empty").hidden = shown.length > 0;
  histogram();
}

const BINS = 25;
function histogram() {
  if (shares.length === 0) return;
  const counts = new Array(BINS).fill(0);
  cards.forEach((card, index) => {
    if (card.share === undefined || !fits(card, index, false)) return;
    counts[Math.min(BINS - 1, Math.floor(card.share / topShare * BINS))] += 1;
  });
  const most = Math.max(1, ...counts);
  const [low, high] = limits();
  const bars = counts.map((count, bin) => {
    const [from, to] = [bin / BINS * topShare, (bin + 1) / BINS * topShare];
    const height = count ? Math.max(1.5, count / most * 40) : 0.6;
    const isIn = count && to > low + 1e-9 && from < high - 1e-9;
    const bar = draw("rect", { x: bin * 100 / BINS + 0.3, y: 40 - height, width: 100 / BINS - 0.6, height, class: isIn ? "in" : "" });
    bar.append(draw("title", {}, `${percent(from)} to ${percent(to)}: ${count}`));
    return bar;
  });
  byId("histogram").replaceChildren(...bars);
  byId("histogram").setAttribute("aria-label", `Histogram of mining shares from 0 to ${percent(topShare, 0)}; the fullest bar holds ${most}`);
  byId("low-text").textContent = percent(low);
  byId("high-text").textContent = percent(high);
  // If both handles meet at the right end, only the lower one can be moved.
  byId("low").style.zIndex = state.low > 500 ? 1 : 0;
  byId("low").setAttribute("aria-valuetext", percent(low));
  byId("high").setAttribute("aria-valuetext", percent(high));
}

// The enlarged patch.
let current = -1;
const dialog = byId("dialog");

function spectrum(card) {
  const bands = Object.keys(card.means);
  if (bands.length < 2) return null;
  const width = 300, height = 130, left = 30, bottom = 18;
  const top = Math.max(...bands.flatMap((band) => [card.means[band], data.medians[band]]), 0.05) * 1.1;
  const x = (i) => left + i * (width - left - 14) / (bands.length - 1);
  const y = (value) => 6 + (1 - value / top) * (height - bottom - 6);
  const line = (values) => bands.map((band, i) => `${x(i).toFixed(1)},${y(values[band]).toFixed(1)}`).join(" ");
  const svg = draw("svg", { class: "spectrum", viewBox: `0 0 ${width} ${height}`, role: "img" });
  svg.setAttribute("aria-label", `Mean reflectance: ${bands.map((band) => `${band} ${number(card.means[band], 3)}`).join(", ")}`);
  const step = top > 0.5 ? 0.2 : top > 0.2 ? 0.1 : 0.05;
  for (let value = 0; value <= top; value += step) {
    svg.append(draw("line", { class: "axis", x1: left, x2: width - 4, y1: y(value), y2: y(value) }));
    svg.append(draw("text", { x: left - 5, y: y(value) + 3.5, "text-anchor": "end" }, number(value, step < 0.1 ? 2 : 1)));
  }
  bands.forEach((band, i) => {
    if (bands.length < 8 || i % 2 === 0) svg.append(draw("text", { x: x(i), y: height - 4, "text-anchor": "middle" }, band));
  });
  svg.append(draw("polyline", { class: "set", points: line(data.medians) }), draw("polyline", { class: "own", points: line(card.means) }));
  bands.forEach((band, i) => svg.append(draw("circle", { cx: x(i), cy: y(card.means[band]), r: 2.5 })));
  return make("div", {}, svg, make("div", { class: "faint" }, "Mean reflectance; dashed: median of the set"));
}

function facts(card) {
  const list = make("dl", {});
  const add = (name, value) => { if (value !== undefined && value !== "") list.append(make("dt", {}, name), make("dd", {}, value)); };
  add("Split", card.split);
  add("Commodity", card.commodity);
  add("Date", card.date);
  add("Place", card.place);
  if (card.share !== undefined) add("Mining share", percent(card.share, 2));
  if (card.brightness !== undefined) add("Brightness", number(card.brightness, 4));
  add("No data", percent(card.nodata, 2));
  if (card.outlier) add("Outlier score", `${number(card.outlier.score, 2)} (${data.features[card.outlier.feature]}, ${card.outlier.is_high ? "high" : "low"})`);
  for (const [name, value] of card.details) add(name, value);
  return list;
}

function show() {
  const card = cards[current];
  const place = shown.indexOf(current);
  const button = (label, title, action) => {
    const element = make("button", { class: "plain", type: "button", title }, label);
    element.addEventListener("click", action);
    return element;
  };
  const picture = make("div", { class: "choices" });
  choices(picture, "dialog-layer", layers, state.layer, (value) => choose("layer", value));
  const outline = make("div", { class: "choices" });
  choices(outline, "dialog-outline", OUTLINES, state.outline, (value) => choose("outline", value));
  const side = make("div", { class: "side" },
    make("div", { class: "bar" },
      make("span", { class: "faint" }, place < 0 ? "" : `${place + 1} of ${shown.length}`),
      make("span", {}, button("‹", "Previous (left arrow)", () => step(-1)), " ", button("›", "Next (right arrow)", () => step(1)), " ", button("Close", "Close (Esc)", () => dialog.close()))),
    make("h2", { id: "dialog-title" }, card.id),
    layers.length > 1 ? picture : null,
    card.outline ? outline : null,
    facts(card),
    spectrum(card),
    card.link ? make("a", { href: card.link, target: "_blank", rel: "noopener" }, "Open the files") : null);
  const focused = document.activeElement && dialog.contains(document.activeElement) ? document.activeElement : null;
  const label = focused && (focused.title || (focused.name && `${focused.name} ${focused.value}`));
  dialog.replaceChildren(make("div", { class: "detail" }, frame(card), side));
  // The controls were rebuilt: the focus returns to the same control.
  const again = label && [...dialog.querySelectorAll("button, input")].find((e) => (e.title || `${e.name} ${e.value}`) === label);
  if (again) again.focus();
}

function open(index) {
  current = index;
  show();
  if (!dialog.open) dialog.showModal();
}

function step(by) {
  const place = shown.indexOf(current);
  if (shown.length === 0) return;
  current = shown[(place + by + shown.length) % shown.length];
  show();
}

dialog.addEventListener("close", () => {
  const item = items[current];
  if (item && item.item.isConnected) item.button.focus();
});
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

// Keys: arrows move among cards, or between patches in the dialog.
function columns() {
  return getComputedStyle(byId("grid")).gridTemplateColumns.split(" ").length;
}

const cycle = (list, value) => list[(list.findIndex(([id]) => id === value) + 1) % list.length][0];

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.matches("input[type=search], select");
  if (isTyping && event.key === "Escape") event.target.blur();
  // Radio buttons and sliders use the arrow keys, but no letters.
  if (isTyping || (event.target.matches("input") && event.key.length > 1)) return;
  if (event.key === "/" && !dialog.open) {
    event.preventDefault();
    byId("filters").setAttribute("aria-expanded", "true");
    byId("search").focus();
    return;
  }
  if (/^[1-9]$/.test(event.key) && layers[event.key - 1]) { choose("layer", layers[event.key - 1][0]); return; }
  if (event.key === "o" || event.key === "O") { choose("outline", cycle(OUTLINES, state.outline)); return; }
  if (dialog.open) {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") { event.preventDefault(); step(event.key === "ArrowLeft" ? -1 : 1); }
    return;
  }
  const from = shown.findIndex((index) => items[index].button === document.activeElement);
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() }[event.key];
  let to = -1;
  if (by !== undefined && from >= 0) to = from + by;
  else if (by > 0 && document.activeElement === document.body) to = 0;
  else if (event.key === "Home" && from >= 0) to = 0;
  else if (event.key === "End" && from >= 0) to = shown.length - 1;
  if (to >= 0 && to < shown.length) { event.preventDefault(); items[shown[to]].button.focus(); }
});

// Controls.
const OUTLINES = [["line", "Outline"], ["fill", "Filled"], ["none", "Hidden"]];
const SIZES = [["small", "S"], ["medium", "M"], ["large", "L"]];

function setLayer(value) {
  state.layer = value;
  items.forEach((item) => { item.painted = ""; });
  refresh();
  if (dialog.open) show();
}

function setOutline(value) {
  state.outline = value;
  root.dataset.outline = value;
  if (dialog.open) show();
}

choices(byId("splits"), "split", [["", "All"], ...splits.map((split) => [split, split])], "", (value) => { state.split = value; refresh(); });
choices(byId("layers"), "layer", layers, state.layer, setLayer);
choices(byId("outlines"), "outline", OUTLINES, "line", setOutline);
choices(byId("sizes"), "size", SIZES, "medium", (value) => { root.dataset.size = value; refresh(); });
byId("commodity").append(...[["", "All"], ...commodities.map((name) => [name, name])].map(([value, label]) => make("option", { value }, label)));
byId("sort").append(...sorts.map(([value, label]) => make("option", { value }, label)));
byId("commodity-field").hidden = commodities.length < 1;
byId("split-field").hidden = splits.length < 1;
byId("layer-field").hidden = layers.length < 2;
byId("outline-field").hidden = !cards.some((card) => card.outline);
byId("share-field").hidden = shares.length === 0;

byId("tools").addEventListener("submit", (event) => event.preventDefault());
byId("search").addEventListener("input", (event) => { state.text = event.target.value.trim().toLowerCase(); refresh(); });
byId("commodity").addEventListener("change", (event) => { state.commodity = event.target.value; refresh(); });
byId("sort").addEventListener("change", (event) => { state.sort = event.target.value; refresh(); });
byId("low").addEventListener("input", (event) => { state.low = Math.min(Number(event.target.value), state.high); event.target.value = state.low; refresh(); });
byId("high").addEventListener("input", (event) => { state.high = Math.max(Number(event.target.value), state.low); event.target.value = state.high; refresh(); });
byId("reset").addEventListener("click", () => {
  Object.assign(state, { text: "", split: "", commodity: "", low: 0, high: 1000 });
  byId("search").value = "";
  byId("commodity").value = "";
  byId("low").value = 0;
  byId("high").value = 1000;
  choose("split", "");
  refresh();
});

// On narrow screens the filters start collapsed.
byId("filters").addEventListener("click", () => {
  const isOpen = byId("filters").getAttribute("aria-expanded") === "true";
  byId("filters").setAttribute("aria-expanded", String(!isOpen));
});

// Theme: the system's theme until the user chooses one.
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);
const nameTheme = () => { byId("theme").textContent = isDark() ? "Light" : "Dark"; byId("theme").setAttribute("aria-label", `Change to ${isDark() ? "light" : "dark"} colours`); };
byId("theme").addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; nameTheme(); });
systemDark.addEventListener("change", nameTheme);

const parts = splits.map((split) => `${cards.filter((card) => card.split === split).length} ${split}`);
const mean = shares.length ? `mean mining share ${percent(shares.reduce((a, b) => a + b, 0) / shares.length)}` : "";
byId("summary").textContent = [parts.join(", "), mean].filter(Boolean).join(" · ");
byId("tools").hidden = cards.length === 0;
byId("status").hidden = cards.length === 0;
if (cards.length === 0) byId("empty").textContent = "This data set has no patches.";
nameTheme();
refresh();
