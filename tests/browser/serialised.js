// A node with all that is in it, as text. Numbers are compared as numbers: 14.0 and 14 are one place.
(root) => {
  const number = (text) => {
    if (!/^-?[0-9.]+%?$/.test(text)) return text;
    return parseFloat(text) + (text.endsWith("%") ? "%" : "");
  };
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data.replace(/\s+/g, " ").trim();
    const attributes = [...node.attributes].map((each) => [each.name, number(each.value)]);
    const children = [...node.childNodes].map(walk).filter((child) => child !== "");
    return [node.namespaceURI, node.localName, attributes.sort(), ...children];
  };
  root.normalize();
  return JSON.stringify(walk(root));
}
