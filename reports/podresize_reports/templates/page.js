// The page tells everything that counts without this: it draws evidence, opens what a link points
// into, and filters. What is filtered is in the fragment, so that it can be linked.
(() => {
  const byId = (id) => document.getElementById(id);
  const PREFIX = "#filter:";

  // What is folded away is text, in a noscript, until it is opened: a page of thousands of failures
  // then opens at once. A folded group has the bodies of its entries between two comments.
  const parsed = (text) => {
    const whole = document.createElement("template");
    whole.innerHTML = text;
    return whole.content;
  };
  const bodies = new WeakMap();
  const unfold = (box) => {
    const folded = box.querySelector(":scope > div > noscript");
    if (!folded) return;
    const parts = folded.textContent.split(/<!--\/?body-->/);
    const content = parsed(parts.filter((_, number) => number % 2 === 0).join(""));
    if (parts.length > 1) [...content.querySelectorAll(".entry")].forEach((entry, number) => bodies.set(entry, parts[2 * number + 1]));
    folded.replaceWith(content);
  };
  let lines;
  const draw = (box) => {
    unfold(box);
    if (bodies.has(box)) {
      box.querySelector(".body").append(parsed(bodies.get(box)));
      bodies.delete(box);
    }
    if (!box.dataset.line) return;
    lines ??= byId("evidence-data").textContent.split("\n");
    const body = document.createElement("div");
    body.className = "body";
    body.append(...podresizeFigure(JSON.parse(lines[Number(box.dataset.line)])));
    box.append(body);
    delete box.dataset.line;
  };
  document.addEventListener("toggle", (event) => event.target.open && draw(event.target), true);

  const form = byId("filter");
  const fields = ["suite", "requirement", "target", "cause", "text"].filter((name) => form.elements[name]);
  const boxes = [...form.querySelectorAll("[name=verdict]")];
  const put = (node, hidden) => { if (node.hidden !== hidden) node.hidden = hidden; };

  // One line for each verdict, made when first needed: opening the page must not wait for it.
  let verdicts, articles;
  const index = () => {
    const suites = [...form.elements.suite.options].map((option) => option.value);
    const rows = new Map([...document.querySelectorAll(".matrix tbody tr")].map((row) => [row.querySelector("a").hash.slice(1), row]));
    verdicts = [];
    articles = [...document.querySelectorAll(".requirement")].map((article) => {
      const about = article.querySelector("h3").textContent;
      const groups = [...article.querySelectorAll(".group")].map((group) => {
        const {t} = group.dataset;
        unfold(group);
        const batches = [...group.querySelectorAll(".batch")];
        const own = [...group.querySelectorAll("[data-s]")].map((node) => {
          const batch = node.closest(".batch");
          const said = batch && batch.firstChild.textContent;
          return {node, batch, evidence: node.dataset.e, verdict: node.dataset.v || batch.dataset.v, suite: suites[node.dataset.s], requirement: article.dataset.requirement, target: t, cause: node.dataset.c || "", said, about, shown: true};
        });
        verdicts.push(...own);
        return {group, batches, own};
      });
      return {article, groups, row: rows.get(article.id)};
    });
  };
  const SIGNS = {amp: "&", lt: "<", gt: ">", "#39": "'", "#34": '"'};
  const plain = (markup) => markup.replace(/<[^>]*>/g, " ").replace(/&(amp|lt|gt|#39|#34);/g, (_, name) => SIGNS[name]);
  const told = (node) => {
    if (node.tagName === "LI") return node.textContent;
    const folded = node.querySelector(":scope > div > noscript");
    if (folded) return `${node.firstElementChild.textContent} ${plain(folded.textContent)}`;
    return node.textContent + plain(bodies.get(node) || "");
  };
  const words = (each) => each.words ??= `${each.about} ${each.suite} ${each.said || ""} ${told(each.node)}`.toLowerCase();

  const wanted = () => {
    const state = new URLSearchParams();
    if (boxes.some((box) => !box.checked)) state.set("verdict", boxes.filter((box) => box.checked).map((box) => box.value).join(","));
    for (const name of fields) if (form.elements[name].value.trim()) state.set(name, form.elements[name].value.trim());
    return state;
  };
  const set = (state) => {
    const kinds = state.has("verdict") ? state.get("verdict").split(",") : null;
    for (const box of boxes) box.checked = !kinds || kinds.includes(box.value);
    for (const name of fields) {
      const field = form.elements[name], value = state.get(name) || "";
      field.value = value;
      if (field.options && field.selectedIndex < 0) field.value = "";
    }
  };

  const apply = () => {
    const state = wanted();
    if (!verdicts) index();
    const kinds = state.has("verdict") ? new Set(state.get("verdict").split(",")) : null;
    const exact = fields.filter((name) => name !== "text" && state.has(name)).map((name) => [name, state.get(name)]);
    const text = (state.get("text") || "").toLowerCase();
    const causes = new Set(), evidence = new Map();
    let shown = 0;
    for (const each of verdicts) {
      each.shown = (!kinds || kinds.has(each.verdict)) && exact.every(([name, value]) => each[name] === value) && (!text || words(each).includes(text));
      put(each.node, !each.shown);
      shown += each.shown;
      if (each.shown) causes.add(each.cause);
      if (each.evidence) evidence.set(each.evidence, evidence.get(each.evidence) || each.shown);
    }
    for (const {article, groups, row} of articles) {
      let any = false;
      for (const {group, batches, own} of groups) {
        const left = own.filter((each) => each.shown);
        const full = new Set(left.map((each) => each.batch));
        for (const batch of batches) put(batch, !full.has(batch));
        put(group, !left.length);
        any ||= left.length > 0;
      }
      put(article, !any);
      if (row) put(row, !any);
    }
    for (const line of document.querySelectorAll("[data-cause]")) put(line, !causes.has(line.dataset.cause));
    for (const box of document.querySelectorAll(".evidence")) put(box, evidence.get(box.id) === false);
    byId("shown").textContent = shown === verdicts.length ? `All ${shown} verdicts are shown.` : `${shown} of ${verdicts.length} verdicts are shown.`;
    return state;
  };
  const change = () => {
    const state = apply().toString();
    history.replaceState(null, "", state ? PREFIX + state : location.href.split("#")[0]);
  };

  const follow = () => {
    if (location.hash.startsWith(PREFIX)) {
      set(new URLSearchParams(location.hash.slice(PREFIX.length)));
      apply();
      return;
    }
    const place = byId(location.hash.slice(1));
    if (!place) return;
    if (place.closest("[hidden]")) {
      set(new URLSearchParams());
      apply();
    }
    for (let box = place; box; box = box.parentElement) {
      if (box.tagName === "DETAILS") { box.open = true; draw(box); }
    }
    place.scrollIntoView();
  };

  const all = Number(form.dataset.verdicts);
  if (all > 1) {
    form.hidden = false;
    for (const node of document.querySelectorAll(".scripted")) node.hidden = false;
    byId("shown").textContent = `All ${all} verdicts are shown.`;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", change);
    byId("all").addEventListener("click", () => { set(new URLSearchParams()); change(); });
  }
  addEventListener("hashchange", follow);
  if (location.hash) follow();
})();
