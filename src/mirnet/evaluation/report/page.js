/* What moves on the page: the plots, the pictures' order and sides, the table of all pairs. */
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const columns = [data.input, ...data.methods];
  const palette = ["#8d929c", "#4f74e3", "#e59a0b", "#e5604c", "#4aa89a", "#4c9f3f", "#d977a8", "#9a63e0"];
  const colours = columns.map((_, index) => palette[index % palette.length]);
  const figureOf = (key) => data.figures.find((figure) => figure.key === key);
  const value = (pair, method, key) => {
    const figure = pair.figures[method]?.[key];
    return figure === undefined || figure === null ? null : Number(figure);
  };
  const text = (number, digits) =>
    number === null ? "–" : Number.isFinite(number) ? number.toFixed(digits) : "∞";
  const first = data.methods[0];
  const gain = (pair) => value(pair, first, "psnr") - value(pair, data.input, "psnr") || 0;

  /** An element with properties and children; text never becomes markup. */
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const byId = (id) => document.getElementById(id);

  for (const key of document.querySelectorAll(".key")) {
    key.style.setProperty("--method", colours[columns.indexOf(key.dataset.method)]);
  }
  if (!data.pairs.length) return;

  // ---- plots

  const points = (figure) =>
    data.pairs.flatMap((pair) =>
      columns
        .map((method) => ({ method, pair: pair.name, x: value(pair, method, figure.key) }))
        .filter((point) => point.x !== null && Number.isFinite(point.x)),
    );

  const heightFor = (width) => Math.min(width * 0.75, 380);
  const axis = (figure) => ({ label: figure.heading, nice: true, grid: true });

  function drawSpread(figure, width) {
    const all = points(figure);
    const present = columns.filter((method) => all.some((point) => point.method === method));
    const title = (point) => `${point.pair}\n${point.method}: ${text(point.x, figure.digits)}`;
    const margin = Math.min(160, 24 + 7 * Math.max(...present.map((name) => name.length)));
    return Plot.plot({
      width,
      height: Math.max(64 + 74 * present.length, heightFor(width)),
      marginLeft: margin,
      x: axis(figure),
      y: { domain: present, label: null, tickFormat: (name) => (name.length > 20 ? `…${name.slice(-19)}` : name) },
      color: { domain: columns, range: colours },
      marks: [
        Plot.boxX(all, { x: "x", y: "method", fill: "method", fillOpacity: 0.25, stroke: "currentColor", r: 0 }),
        Plot.dot(all, { x: "x", y: "method", fill: "method", r: 3, fillOpacity: 0.7, ariaLabel: title }),
        Plot.tip(all, Plot.pointer({ x: "x", y: "method", title })),
      ],
    });
  }

  function drawAgainst(figure, width) {
    const all = data.pairs.flatMap((pair) => {
      const before = value(pair, data.input, figure.key);
      return data.methods
        .map((method) => ({ method, pair: pair.name, before, after: value(pair, method, figure.key) }))
        .filter((point) => Number.isFinite(point.before) && Number.isFinite(point.after));
    });
    const title = (point) =>
      `${point.pair}\n${point.method}: ${text(point.before, figure.digits)} → ${text(point.after, figure.digits)}`;
    const ends = d3.extent(all, (point) => point.before);
    return Plot.plot({
      width,
      height: heightFor(width),
      x: { ...axis(figure), label: `${figure.heading} of the input` },
      y: { ...axis(figure), label: `${figure.heading}, restored` },
      color: { domain: data.methods, range: colours.slice(1), legend: true },
      marks: [
        Plot.line(ends, { x: (end) => end, y: (end) => end, stroke: "currentColor", strokeOpacity: 0.5, strokeDasharray: "4 4" }),
        Plot.dot(all, { x: "before", y: "after", fill: "method", r: 4, fillOpacity: 0.8, ariaLabel: title }),
        Plot.tip(all, Plot.pointer({ x: "before", y: "after", title })),
      ],
    });
  }

  function drawPlots() {
    const figure = figureOf(byId("figure").value);
    byId("meaning").textContent = `${figure.meaning}; ${figure.better} is better`;
    const width = (id) => byId(id).clientWidth || 320;
    byId("spread").replaceChildren(drawSpread(figure, width("spread")));
    const isOfInput = data.pairs.some((pair) => value(pair, data.input, figure.key) !== null);
    byId("against-figure").hidden = !isOfInput;
    if (isOfInput) byId("against").replaceChildren(drawAgainst(figure, width("against")));
  }

  // ---- pictures

  const errorOf = "error of ";

  function side(views, name) {
    return name.startsWith(errorOf) && !(name in views.pictures)
      ? views.errors[name.slice(errorOf.length)]
      : views.pictures[name];
  }

  function caption(pair, name) {
    const method = name.startsWith(errorOf) ? name.slice(errorOf.length) : name;
    const psnr = value(pair, method, "psnr");
    return make("span", {}, make("b", { textContent: name }), psnr === null ? "" : ` ${text(psnr, 2)} dB`);
  }

  function card(number) {
    const pair = data.pairs[number];
    const views = data.views[number];
    const image = (slot) => {
      const element = make("img", { width: views.width, height: views.height, draggable: false });
      element.slot = slot;
      return element;
    };
    const slider = make("img-comparison-slider", { tabIndex: 0 }, image("first"), image("second"));
    slider.setAttribute("role", "slider");
    slider.setAttribute("aria-label", `${pair.name}: where the left picture ends`);
    const tell = () => slider.setAttribute("aria-valuenow", String(Math.round(slider.value)));
    slider.addEventListener("slide", tell);
    tell();
    const [width, height] = pair.size;
    const title = `${pair.name} · ${width}×${height}${views.width * views.height < width * height ? ", middle" : ""}`;
    const element = make("article", { className: "card", id: `pair-${number}` },
      make("div", { className: "frame" }, slider),
      make("h3", { textContent: title }),
      make("p", { className: "sides" }));
    element.style.setProperty("--width", views.width);
    return element;
  }

  function showSides() {
    const [left, right] = [byId("left").value, byId("right").value];
    for (const element of byId("gallery").children) {
      const number = Number(element.id.slice("pair-".length));
      const [one, two] = element.querySelectorAll("img");
      one.src = side(data.views[number], left);
      two.src = side(data.views[number], right);
      one.alt = `${data.pairs[number].name}, ${left}`;
      two.alt = `${data.pairs[number].name}, ${right}`;
      const captions = [left, right].map((name) => caption(data.pairs[number], name));
      element.querySelector(".sides").replaceChildren(...captions);
    }
  }

  function arrange() {
    const numberOf = (element) => Number(element.id.slice("pair-".length));
    const rank = {
      number: numberOf,
      least: (element) => gain(data.pairs[numberOf(element)]),
      most: (element) => -gain(data.pairs[numberOf(element)]),
    }[byId("order").value];
    byId("gallery").append(...[...byId("gallery").children].sort((a, b) => rank(a) - rank(b)));
  }

  function resize() {
    byId("gallery").dataset.size = byId("size").value;
    byId("gallery").style.setProperty("--zoom", byId("size").value);
  }

  function fillGallery() {
    const sides = [data.input, ...data.methods, data.truth, ...columns.map((name) => errorOf + name)];
    for (const id of ["left", "right"]) {
      byId(id).append(...sides.map((name) => make("option", { value: name, textContent: name })));
      byId(id).addEventListener("change", showSides);
    }
    byId("right").value = first;
    byId("gallery").append(...Object.keys(data.views).map((number) => card(Number(number))));
    byId("order").addEventListener("change", arrange);
    byId("size").addEventListener("change", resize);
    showSides();
  }

  // ---- table

  function fillTable() {
    const figure = figureOf(byId("figure").value);
    const present = columns.filter((method) => data.pairs.some((pair) => value(pair, method, figure.key) !== null));
    const several = new Set(data.pairs.map((pair) => pair.data)).size > 1;
    const difference = present.includes(data.input) && present.includes(first);
    const headings = [...(several ? ["data"] : []), "pair", "megapixels", ...present, ...(difference ? [`${first} − ${data.input}`] : [])];
    const table = byId("pairs");
    table.tHead.replaceChildren(make("tr", {}, ...headings.map((heading) => make("th", { scope: "col", textContent: heading, tabIndex: 0 }))));
    table.tBodies[0].replaceChildren(...data.pairs.map((pair, number) => row(pair, number, { figure, present, several, difference })));
    find();
  }

  function row(pair, number, { figure, present, several, difference }) {
    const cell = (figureValue, digits, properties = {}) => {
      const element = make("td", { textContent: text(figureValue, digits), ...properties });
      element.dataset.sort = figureValue === null ? "" : String(figureValue);
      return element;
    };
    const name = number in data.views ? make("a", { href: `#pair-${number}`, textContent: pair.name }) : pair.name;
    const cells = [make("td", { className: "text" }, name), cell((pair.size[0] * pair.size[1]) / 1e6, 2)];
    if (several) cells.unshift(make("td", { className: "text", textContent: pair.data }));
    cells.push(...present.map((method) => cell(value(pair, method, figure.key), figure.digits)));
    if (difference) {
      const change = value(pair, first, figure.key) - value(pair, data.input, figure.key) || 0;
      const isWorse = figure.better === "more" ? change < 0 : change > 0;
      cells.push(cell(change, figure.digits, { className: isWorse ? "worse" : "" }));
    }
    return make("tr", {}, ...cells);
  }

  function find() {
    const wanted = byId("find").value.toLowerCase();
    for (const line of byId("pairs").tBodies[0].rows) {
      line.hidden = ![...line.querySelectorAll(".text")].some((cell) => cell.textContent.toLowerCase().includes(wanted));
    }
  }

  byId("figure").addEventListener("change", () => { drawPlots(); fillTable(); });
  byId("find").addEventListener("input", find);
  byId("pairs").addEventListener("keydown", (event) => {
    if (event.target.matches("th") && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      event.target.click();
    }
  });
  if (byId("gallery")) fillGallery();
  fillTable();
  drawPlots();
  let waiting;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(drawPlots, 150);
  });
})();
