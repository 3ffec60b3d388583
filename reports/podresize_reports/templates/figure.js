"use strict";
// Draws evidence from its data as figure.html.j2 does. Nodes are built, no markup is parsed: what a
// pod printed can only ever be text.
const podresizeFigure = (() => {
  const TONES = ["old", "new", "absent"];
  const make = (space) => (tag, attributes, ...children) => {
    const node = document.createElementNS(space, tag);
    for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
    node.append(...children.flat().filter((child) => child !== ""));
    return node;
  };
  const html = make(document.body.namespaceURI);
  const svg = make(document.querySelector("svg.defs").namespaceURI);
  const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

  const table = (name, kind, heads, rows) =>
    html("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": name},
      html("table", {class: kind},
        html("thead", {}, html("tr", {}, heads.map((head) => html("th", {scope: "col"}, head)))),
        html("tbody", {}, rows.map((row) => html("tr", {}, row.map((cell) => html("td", {}, cell)))))));

  const segment = (drawing, lane, mark, first) => {
    const [, x, width, label, tone, time] = mark;
    const [, , name, points, , y] = lane;
    const since = first ? "" : time;
    const short = width * 9 < ([...label].length + 1) * 7.5;
    const title = short ? svg("title", {}, `${name}: ${label}, ${since ? "from " + since : "as first seen"}`) : "";
    const box = {x: `${x}%`, width: `${points ? Math.max(width, 1.4) : width}%`, y, height: drawing.bar};
    if (points) return svg("svg", box, title, svg("circle", {cx: 6, cy: 10, r: 5}), svg("text", {class: "value", x: 16, y: 14}, label));
    return svg("svg", box, title,
      svg("rect", {class: TONES[tone], width: "100%", height: drawing.bar, rx: 3}),
      svg("text", {class: `value ${TONES[tone]}`, x: 5, y: 14}, label, since ? svg("tspan", {class: "since", dx: 8}, since) : ""));
  };

  const picture = (data) => {
    const {drawing} = data;
    const marks = drawing.lanes.map((_, number) => drawing.marks.filter((mark) => mark[0] === number));
    return svg("svg", {class: "timeline", width: "100%", height: drawing.height, role: "img", "aria-label": `Timeline of ${data.pod}; the table below says the same in words`},
      drawing.ticks.map(([x, label]) => [
        svg("line", {class: "grid", x1: `${x}%`, x2: `${x}%`, y1: drawing.top - 6, y2: drawing.height}),
        svg("text", {class: "tick", x: `${x}%`, y: 11, ...(x < 3 ? {"text-anchor": "start"} : {})}, label)]).flat(),
      drawing.lanes.map((lane, number) => svg("g", {class: `lane ${lane[0]}`},
        svg("text", {class: "name", x: 0, y: lane[4]}, svg("tspan", {class: "witness"}, lane[1]), " " + lane[2]),
        marks[number].map((mark, position) => segment(drawing, lane, mark, position === 0)),
        svg("line", {class: "patch", x1: `${drawing.patch}%`, x2: `${drawing.patch}%`, y1: lane[5] - 1, y2: lane[5] + drawing.bar + 1}))));
  };

  const figure = (data) => {
    const {drawing} = data;
    const key = (tone) => html("span", {class: `key ${tone}`});
    const caption = html("figcaption", {}, "What each witness said of ", html("code", {}, data.pod), data.on && ` on ${data.on}`, `, patched at ${data.started}, watched for ${data.ended} `,
      html("span", {class: "legend"}, key("old"), "as before the patch ", key("new"), "changed ", key("absent"), "nothing reported · logarithmic time"));
    if (!drawing) return html("figure", {}, caption, html("p", {class: "none"}, "No witness said anything."));
    const words = drawing.marks.map(([lane, , , label, , time]) =>
      [time || "before the patch", drawing.lanes[lane][1], drawing.lanes[lane][2], label]);
    return html("figure", {}, caption, picture(data),
      html("details", {class: "words"}, html("summary", {}, `The same as a table (${plural(words.length, "change")})`),
        table("changes in words", "numbers", ["time", "who", "of", "value"], words),
        drawing.cut ? html("p", {class: "none"}, `${drawing.cut} further changes are in records.jsonl.`) : ""));
  };

  return (data) => [
    data.facts.length ? html("p", {class: "facts"}, data.facts.map(([label, time]) => [html("span", {}, label + " ", html("b", {}, "+" + time)), " "]).flat()) : "",
    "drawing" in data ? figure(data) : "",
    data.claims ? table("claims", "numbers claims", ["requirement", "", "looked at", "was", "expected"], data.claims.map(([requirement, holds, ...said]) => [requirement, holds ? "✓ holds" : "✗ does not hold", ...said])) : "",
    data.cut ? html("p", {class: "none"}, `${plural(data.cut, "further claim")} in records.jsonl.`) : "",
  ].filter((part) => part !== "");
})();
