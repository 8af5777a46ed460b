"use strict";
document.documentElement.classList.add("js");
const rows = Array.from(document.querySelectorAll("#sites tbody tr"));
const marks = new Map(Array.from(document.querySelectorAll("svg [data-site]"), (mark) => [mark.dataset.site, mark]));
const words = document.getElementById("words");
const verdict = document.getElementById("verdict");
const count = document.getElementById("shown");
const filter = () => {
  const parts = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    const fits = [true].concat(parts.map((part) => row.dataset.text.includes(part)), verdict.value === "all" || verdict.value === row.dataset.verdict).every(Boolean);
    row.hidden = !fits;
    const mark = marks.get(row.dataset.site);
    if (mark) mark.style.display = fits ? "" : "none";
    if (fits) shown += 1;
  }
  count.textContent = count.dataset.words.replace("##", rows.length).replace("#", shown);
};
words.addEventListener("input", filter);
verdict.addEventListener("change", filter);
filter();
