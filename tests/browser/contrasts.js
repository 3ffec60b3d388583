// Of every text that is shown: its colour against what lies behind it, by WCAG 2's formula. In a
// drawing that is the shape before it, or the outline that the letters have.
() => {
  const parse = (text) => {
    const found = text.match(/[0-9.]+/g).map(Number);
    return found.length < 4 ? [...found, 1] : found;
  };
  const over = ([r, g, b, a], ground) => [r, g, b].map((c, n) => c * a + ground[n] * (1 - a));
  const light = (rgb) => {
    const [r, g, b] = rgb.slice(0, 3).map((c) => {
      const part = c / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    if (!node) return [255, 255, 255];
    const own = parse(getComputedStyle(node).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, behind(node.parentElement));
  };
  const silent = ["STYLE", "SCRIPT", "TITLE", "title", "NOSCRIPT", "OPTION"];
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    if (!node.getClientRects().length || silent.includes(node.tagName)) continue;
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) continue;
    const style = getComputedStyle(node);
    let ground = behind(node), ink = parse(style.color);
    const text = node.closest("text");
    if (text) {
      ink = parse(style.fill);
      ink[3] *= Number(style.opacity);
      const shape = text.previousElementSibling;
      const {stroke} = getComputedStyle(text);
      if (stroke !== "none") ground = parse(stroke);
      else if (shape && shape.tagName === "rect") ground = parse(getComputedStyle(shape).fill);
    }
    const [a, b] = [light(over(ink, ground)), light(ground)].sort((x, y) => y - x);
    const place = `${node.tagName}.${node.getAttribute("class") || ""}`;
    found.push([(a + 0.05) / (b + 0.05), `${place}: ${node.textContent.trim().slice(0, 40)}`]);
  }
  return found;
}
