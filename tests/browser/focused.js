// What has the focus: its name (empty for the page itself), and whether one can see that.
() => {
  const node = document.activeElement, style = getComputedStyle(node);
  const label = node.getAttribute("aria-label") || node.name || node.hash;
  return {
    name: node === document.body ? "" : `${node.tagName} ${label || node.textContent.trim().slice(0, 40)}`,
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    shown: node.getClientRects().length > 0,
  };
}
