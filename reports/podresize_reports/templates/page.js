"use strict";
// The page is whole without this: it only opens what a link points into, and filters.
(() => {
  const open = () => {
    const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let box = place; box; box = box.parentElement) {
      if (box.tagName === "DETAILS") box.open = true;
    }
    if (place) place.scrollIntoView();
  };
  addEventListener("hashchange", open);
  if (location.hash) open();

  const filter = document.getElementById("filter");
  const entries = [...document.querySelectorAll("[data-verdict]")];
  if (entries.length < 2) return;
  filter.hidden = false;
  filter.addEventListener("submit", (event) => event.preventDefault());
  const apply = () => {
    const kinds = new Set([...filter.querySelectorAll("input:checked")].map((box) => box.value));
    const word = document.getElementById("search").value.trim().toLowerCase();
    let shown = 0;
    for (const article of document.querySelectorAll(".requirement")) {
      for (const group of article.querySelectorAll(".group")) {
        const about = (article.querySelector("h3").textContent + group.dataset.target).toLowerCase();
        for (const entry of group.querySelectorAll("[data-verdict]")) {
          const found = about.includes(word) || entry.textContent.toLowerCase().includes(word);
          const shows = kinds.has(entry.dataset.verdict) && found;
          entry.toggleAttribute("data-away", !shows);
          shown += shows;
        }
        group.toggleAttribute("data-away", !group.querySelector("[data-verdict]:not([data-away])"));
      }
      article.toggleAttribute("data-away", !article.querySelector(".group:not([data-away])"));
    }
    document.getElementById("shown").textContent = shown === entries.length ? "" : `${shown} of ${entries.length} verdicts shown`;
  };
  filter.addEventListener("input", apply);
})();
