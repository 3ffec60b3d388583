// What reaches beyond the right edge of the window and lies in no box that scrolls by itself.
() => [...document.querySelectorAll("main *")]
  .filter((node) => !node.closest(".scroll, svg") && node.getClientRects().length)
  .filter((node) => node.getBoundingClientRect().right > document.documentElement.clientWidth)
  .map((node) => node.outerHTML.slice(0, 120))
