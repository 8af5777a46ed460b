"use strict";
document.documentElement.classList.add("js");
const range = document.getElementById("divider");
if (range) {
  const stage = document.querySelector(".swipe");
  const show = () => {
    stage.style.setProperty("--at", range.value + "%");
    range.setAttribute("aria-valuetext", range.dataset.shares.replace("##", 100 - range.value).replace("#", range.value));
  };
  const drag = (event) => {
    const box = stage.querySelector(".frame").getBoundingClientRect();
    range.value = Math.round((event.clientX - box.left) / box.width * 100);
    show();
  };
  range.addEventListener("input", show);
  stage.addEventListener("pointerdown", (event) => {
    if (event.button === 0) {
      stage.setPointerCapture(event.pointerId);
      drag(event);
    }
  });
  stage.addEventListener("pointermove", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) drag(event);
  });
  show();
}
