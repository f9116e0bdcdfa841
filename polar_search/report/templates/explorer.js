// The explorer: plain modules, no dependencies. Every text of a run goes in as textContent.
// A part of the data is opened when it is first shown, and a list draws only the rows in view.

const $ = (id) => document.getElementById(id);
const HEAD = JSON.parse($("head").textContent);
const number = (value) => value.toLocaleString("en");

async function unpack(id) {
  const bytes = Uint8Array.from(atob($(id).textContent), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

const opened = new Map();
function part(id) {
  if (!opened.has(id)) opened.set(id, unpack(id));
  return opened.get(id);
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function drawing(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// A program as a strip: one cell a layer, grouped into its runs.
const NAMES = { K: "keep", S: "skip", R: "repeat" };
function strip(notation) {
  const made = element("span", { class: "strip", role: "img", "aria-label": notation, title: notation });
  for (const word of notation.split(" ")) {
    const [length, times] = word.slice(1).split("x");
    const run = element("span", { class: NAMES[word[0]] });
    for (let i = 0; i < Number(length); i++) run.append(element("i"));
    if (word[0] === "R") run.append(element("b", {}, times || "2"));
    made.append(run);
  }
  return made;
}

// A list of any length: `row(item, place)` makes the element of one row of `height` pixels.
class List {
  constructor(box, height, row) {
    Object.assign(this, { box, height, row, items: [], inner: element("div") });
    box.replaceChildren(this.inner);
    box.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(box);
  }
  show(items) {
    this.items = items;
    this.inner.style.height = items.length * this.height + "px";
    this.box.scrollTop = 0;
    this.draw();
  }
  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.height) - 4);
    const last = Math.ceil((this.box.scrollTop + this.box.clientHeight) / this.height) + 4;
    this.inner.replaceChildren(
      ...this.items.slice(first, last).map((item, i) => {
        const made = this.row(item, first + i);
        made.style.top = (first + i) * this.height + "px";
        made.style.height = this.height + "px";
        return made;
      }),
    );
  }
  reveal(place) {
    const top = place * this.height;
    const view = this.box.clientHeight;
    if (top < this.box.scrollTop || top + this.height > this.box.scrollTop + view)
      this.box.scrollTop = Math.max(0, top - view / 2);
    this.draw();
  }
}

const INDEX = await part("index");
const state = { browse: "examples", example: -1, program: -1, among: null, tab: "programs", agent: 0 };
const browser = new List($("list"), 54, (item) =>
  state.browse === "examples" ? exampleRow(item) : programRow(item),
);

function exampleRow(e) {
  const shortest = INDEX.kind[e] < 2 ? `, shortest ${INDEX.shortest[e]} layers` : "";
  return element(
    "button",
    { class: "row example", "aria-current": String(e === state.example), onclick: () => openExample(e) },
    element("span", {}, INDEX.question[e] || INDEX.id[e]),
    element("span", { class: `badge k${INDEX.kind[e]}` }, HEAD.kinds[INDEX.kind[e]]),
    element(
      "span",
      { class: "sub" },
      `level ${INDEX.level[e]}: ${number(INDEX.valid[e])} of ${number(INDEX.outcomes[e])} programs valid${shortest}`,
    ),
  );
}

let PROGRAMS = null;
function programRow(p) {
  const said = `${number(PROGRAMS.answered[p].length)} of ${number(PROGRAMS.tried[p])} answered, ${number(PROGRAMS.corrected[p])} corrected`;
  return element(
    "button",
    { class: "row program", "aria-current": String(p === state.program), onclick: () => openProgram(p) },
    strip(INDEX.notation[p]),
    element("span", { class: "number" }, `${INDEX.depth[p]} layers`),
    element("span", { class: "sub" }, `${INDEX.notation[p]}: ${said}`),
  );
}

const ALL = { examples: [...INDEX.id.keys()], programs: [...INDEX.notation.keys()] };

function wantedExamples() {
  const [find, level, kind, agent] = ["find", "level", "kind", "agent"].map((id) => $(id).value);
  const text = find.toLowerCase();
  return (state.among ? state.among.examples : ALL.examples).filter(
    (e) =>
      (level === "" || INDEX.level[e] === Number(level)) &&
      (kind === "" || INDEX.kind[e] === Number(kind)) &&
      (agent === "" || INDEX.agents[e].includes(Number(agent))) &&
      (text === "" || `${INDEX.id[e]}\n${INDEX.question[e]}\n${INDEX.answer[e]}`.toLowerCase().includes(text)),
  );
}

function wantedPrograms() {
  const text = $("find").value.toLowerCase();
  const by = {
    valid: (p) => -PROGRAMS.answered[p].length,
    corrected: (p) => -PROGRAMS.corrected[p],
    depth: (p) => INDEX.depth[p],
  }[$("order").value];
  return ALL.programs
    .filter((p) => INDEX.notation[p].toLowerCase().includes(text))
    .sort((a, b) => by(a) - by(b) || INDEX.depth[a] - INDEX.depth[b]);
}

async function browse() {
  const programs = state.browse === "programs";
  if (programs) PROGRAMS = await part("programs");
  $("browse-examples").setAttribute("aria-selected", String(!programs));
  $("browse-programs").setAttribute("aria-selected", String(programs));
  for (const id of ["level", "kind", "agent"]) $(id).hidden = programs;
  $("agent").hidden ||= HEAD.agents.length < 2;
  $("order").hidden = !programs;
  $("only").hidden = programs || !state.among;
  if (state.among) $("only").textContent = `answered by ${INDEX.notation[state.among.program]} (show all)`;
  const wanted = programs ? wantedPrograms() : wantedExamples();
  browser.show(wanted);
  const all = ALL[state.browse].length;
  $("count").textContent = `${number(wanted.length)} of ${number(all)} ${state.browse}`;
}

// One example.
async function openExample(e) {
  state.example = e;
  browser.draw();
  const chunk = await part(`chunk-${INDEX.chunk[e]}`);
  if (state.example !== e) return;
  const own = chunk[e - INDEX.chunk.indexOf(INDEX.chunk[e])];
  history.replaceState(null, "", "#" + encodeURIComponent(INDEX.id[e]));
  if (!own.steps[state.agent]?.length) state.agent = Math.max(0, own.steps.findIndex((s) => s.length));
  const base = own.program.indexOf(INDEX.identity);
  const tabs = { programs: "Programs", order: "Search order", tree: "Tree" };
  const buttons = Object.entries(tabs).map(([name, title]) =>
    element(
      "button",
      { role: "tab", "aria-selected": String(state.tab === name), onclick: () => { state.tab = name; openExample(e); } },
      title,
    ),
  );
  const panel = element("div", { class: "panel", role: "tabpanel" });
  $("detail").style.setProperty("--strip", `${HEAD.layers * 12 + 16}px`);
  $("detail").replaceChildren(
    element(
      "div",
      { class: "detail-head" },
      element("h2", {}, INDEX.id[e]),
      element("span", { class: `badge k${INDEX.kind[e]}` }, HEAD.kinds[INDEX.kind[e]]),
      element("span", { class: "number" }, `level ${INDEX.level[e]}`),
    ),
    element(
      "dl",
      {},
      ...pair("question", element("pre", {}, INDEX.question[e])),
      ...pair("answer", element("pre", {}, INDEX.answer[e])),
      ...pair("standard pass", said(own, base)),
    ),
    element("div", { class: "tabs", role: "tablist", "aria-label": "Views" }, ...buttons),
    panel,
  );
  ({ programs: showPrograms, order: showOrder, tree: showTree })[state.tab](panel, own);
}

const pair = (term, value) => [element("dt", {}, term), element("dd", {}, value)];

function verdict(own, o) {
  const right = own.correct[o];
  return element("span", { class: right ? "right" : "wrong", title: right ? "right" : "wrong" }, right ? "✓" : "✗");
}

// Where an outcome is from, where that is not the search itself.
function origin(own, o) {
  const source = HEAD.sources[own.source[o]];
  return source === "executed" ? null : element("span", { class: `badge ${source}`, title: ORIGINS[source] }, source);
}
const ORIGINS = { confirmed: "run again, alone, by the reference", imported: "a label of another tool" };

function said(own, o) {
  return element("pre", {}, verdict(own, o), " ", own.texts[own.text[o]] ?? "(no text)", " ", origin(own, o) ?? "");
}

function outcomeRow(own, o, label, current, onclick) {
  const p = own.program[o];
  return element(
    "button",
    { class: "row outcome", "aria-current": String(current), onclick },
    element("span", { class: "number" }, label),
    strip(INDEX.notation[p]),
    element("span", { class: "mono wide" }, INDEX.notation[p]),
    element("span", { class: "number wide" }, String(INDEX.depth[p])),
    verdict(own, o),
    element(
      "span",
      { class: "mono", title: own.texts[own.text[o]] ?? "" },
      own.texts[own.text[o]] ?? "(no text)", " ", origin(own, o) ?? "",
    ),
  );
}

const heads = () =>
  element(
    "div",
    { class: "head" },
    element("span", { class: "number" }, "step"),
    element("span", {}, "layers"),
    element("span", { class: "wide" }, "program"),
    element("span", { class: "number wide" }, "depth"),
    element("span"),
    element("span", {}, "text"),
  );

function choice(label, options, value, onchange) {
  const made = element("select", { "aria-label": label, onchange: () => onchange(made.value) });
  for (const [key, title] of options)
    made.append(element("option", { value: key, selected: String(key) === String(value) }, title));
  return made;
}

function agentChoice(own, again) {
  const asked = HEAD.agents.map((name, i) => [i, name]).filter(([i]) => own.steps[i].length);
  if (asked.length < 2) return null;
  return choice("Agent of the search", asked, state.agent, (value) => {
    state.agent = Number(value);
    again();
  });
}

function showPrograms(panel, own) {
  const asked = new Map((own.steps[state.agent] ?? []).map(([o], step) => [o, step]));
  const step = (o) => asked.get(o) ?? Infinity;
  let verdicts = "all", order = "depth";
  const box = element("div", { class: "list" });
  const list = new List(box, 34, (o) =>
    outcomeRow(own, o, asked.has(o) ? String(asked.get(o)) : "-", false, () => openProgram(own.program[o])),
  );
  const by = { depth: (o) => INDEX.depth[own.program[o]], step, longest: (o) => -INDEX.depth[own.program[o]] };
  const fill = () =>
    list.show(
      [...own.program.keys()]
        .filter((o) => verdicts === "all" || own.correct[o] === Number(verdicts))
        .sort((a, b) => by[order](a) - by[order](b) || step(a) - step(b)),
    );
  panel.replaceChildren(
    element(
      "div",
      { class: "controls" },
      choice("Verdict", [["all", "right and wrong"], [1, "right"], [0, "wrong"]], verdicts, (v) => { verdicts = v; fill(); }),
      choice("Order", [["depth", "shortest first"], ["longest", "longest first"], ["step", "as searched"]], order, (v) => { order = v; fill(); }),
    ),
    heads(),
    box,
  );
  fill();
}

function showOrder(panel, own) {
  const steps = own.steps[state.agent] ?? [];
  if (!steps.length) return panel.replaceChildren(element("p", { class: "note" }, "No search of this example is in the trace."));
  let at = 0;
  const box = element("div", { class: "list" });
  const list = new List(box, 34, ([o], step) => outcomeRow(own, o, String(step), step === at, () => go(step)));
  const facts = element("div", { class: "facts" });
  const told = element("output");
  const slider = element("input", { type: "range", min: 0, max: steps.length - 1, value: 0, "aria-label": "Step", oninput: () => go(Number(slider.value)) });
  function go(step) {
    at = Math.max(0, Math.min(steps.length - 1, step));
    slider.value = at;
    const valid = steps.slice(0, at + 1).filter(([o]) => own.correct[o]);
    const shortest = Math.min(...valid.map(([o]) => INDEX.depth[own.program[o]]));
    told.textContent = `step ${at} of ${steps.length - 1}: ${valid.length} valid` + (valid.length ? `, shortest ${shortest}` : "");
    facts.replaceChildren(...about(own, ...steps[at]));
    list.reveal(at);
  }
  panel.replaceChildren(
    element(
      "div",
      { class: "controls" },
      agentChoice(own, () => showOrder(panel, own)) ?? "",
      element("button", { type: "button", onclick: () => go(at - 1) }, "Back"),
      element("button", { type: "button", onclick: () => go(at + 1) }, "Next"),
      slider,
      told,
    ),
    facts,
    heads(),
    box,
  );
  list.show(steps);
  go(0);
}

// A program of a search, and the one it was made from.
function about(own, o, parent) {
  const shown = [strip(INDEX.notation[own.program[o]]), element("span", { class: "mono" }, INDEX.notation[own.program[o]])];
  if (parent >= 0) shown.push("from", strip(INDEX.notation[own.program[parent]]));
  return [...shown, said(own, o)];
}

// The tree of a search: leaves side by side, a parent above the middle of its children.
function layout(steps) {
  const nodes = new Map(steps.map(([o, parent], step) => [o, { o, parent, step, below: [] }]));
  const roots = [];
  for (const node of nodes.values()) (nodes.get(node.parent)?.below ?? roots).push(node);
  let leaf = 0, deepest = 0;
  const place = (node, y) => {
    node.y = y;
    deepest = Math.max(deepest, y);
    node.below.forEach((child) => place(child, y + 1));
    const { below } = node;
    node.x = below.length ? (below[0].x + below[below.length - 1].x) / 2 : leaf++;
  };
  roots.forEach((root) => place(root, 0));
  return { nodes: [...nodes.values()], width: leaf, height: deepest + 1 };
}

function showTree(panel, own) {
  const steps = own.steps[state.agent] ?? [];
  if (!steps.some(([, parent]) => parent >= 0))
    return panel.replaceChildren(element("p", { class: "note" }, "This agent names no parents, so there is no tree: see the search order."));
  const { nodes, width, height } = layout(steps);
  const X = 22, Y = 64, at = (node) => [16 + node.x * X, 22 + node.y * Y];
  const svg = drawing("svg", { width: 32 + width * X, height: 44 + (height - 1) * Y, role: "group", "aria-label": "Search tree" });
  const facts = element("div", { class: "facts" });
  const circles = new Map();
  const places = new Map(nodes.map((node) => [node.o, node]));
  const select = (node) => {
    for (const circle of circles.values()) circle.removeAttribute("aria-current");
    circles.get(node).setAttribute("aria-current", "true");
    facts.replaceChildren(`step ${node.step}`, ...about(own, node.o, node.parent));
  };
  for (const node of nodes) {
    const parent = places.get(node.parent);
    if (!parent) continue;
    const [[x0, y0], [x1, y1]] = [at(parent), at(node)];
    svg.append(drawing("path", { d: `M${x0} ${y0}C${x0} ${(y0 + y1) / 2} ${x1} ${(y0 + y1) / 2} ${x1} ${y1}` }));
  }
  for (const node of nodes) {
    const [cx, cy] = at(node);
    const right = own.correct[node.o] ? "right" : "wrong";
    const circle = drawing("circle", { cx, cy, r: 7, class: right, tabindex: 0, role: "button" });
    circle.setAttribute("aria-label", `step ${node.step}: ${INDEX.notation[own.program[node.o]]}, ${right}`);
    circle.addEventListener("click", () => select(node));
    circle.addEventListener("keydown", (event) => event.key === "Enter" && select(node));
    circles.set(node, circle);
    svg.append(circle);
  }
  panel.replaceChildren(
    element("div", { class: "controls" }, agentChoice(own, () => showTree(panel, own)) ?? "",
      element("span", { class: "note" }, "A circle is a program, below the one it was made from; a filled one is right.")),
    facts,
    element("div", { class: "treebox" }, svg),
  );
  select(nodes[0]);
}

// One program, over all examples.
async function openProgram(p) {
  PROGRAMS = await part("programs");
  state.program = p;
  browser.draw();
  const answered = PROGRAMS.answered[p];
  const levels = HEAD.levels.map((level) => `level ${level}: ${answered.filter((e) => INDEX.level[e] === level).length}`);
  const only = () => {
    Object.assign(state, { browse: "examples", among: { program: p, examples: answered } });
    browse();
  };
  $("detail").replaceChildren(
    element("div", { class: "detail-head" }, element("h2", { class: "mono" }, INDEX.notation[p])),
    element(
      "dl",
      {},
      ...pair("layers", strip(INDEX.notation[p])),
      ...pair("depth", `${INDEX.depth[p]} of ${HEAD.layers}`),
      ...pair("answered", `${number(answered.length)} of the ${number(PROGRAMS.tried[p])} examples it was tried on`),
      ...pair("corrected", `${number(PROGRAMS.corrected[p])} that the standard pass gets wrong`),
      ...pair("answered by level", levels.join(", ")),
    ),
    element("div", { class: "controls" }, element("button", { type: "button", onclick: only }, "Show the examples it answers")),
  );
}

for (const level of HEAD.levels) $("level").append(element("option", { value: level }, `level ${level}`));
HEAD.kinds.forEach((kind, i) => $("kind").append(element("option", { value: i }, kind)));
HEAD.agents.forEach((agent, i) => $("agent").append(element("option", { value: i }, agent)));
$("filters").addEventListener("input", browse);
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("only").addEventListener("click", () => { state.among = null; browse(); });
for (const name of ["examples", "programs"])
  $(`browse-${name}`).addEventListener("click", () => { state.browse = name; browse(); });

await browse();
const linked = INDEX.id.indexOf(decodeURIComponent(location.hash.slice(1)));
await openExample(Math.max(0, linked));
document.body.dataset.ready = "true";
