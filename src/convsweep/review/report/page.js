// The script of a report: light and dark colours, figures drawn as they come into view, tables
// that are sorted and paged.
"use strict";
const root = document.documentElement;
const read = (box) => JSON.parse(box.querySelector("script").textContent);
const figures = new Map([...document.querySelectorAll(".plot")].map((box) => [box, read(box)]));
const drawn = new Set();
const touch = matchMedia("(pointer: coarse)").matches || innerWidth < 600;

function stored(value) {
  try { // a page opened as a file may have no storage
    if (value !== undefined) localStorage.setItem("convsweep-theme", value);
    return localStorage.getItem("convsweep-theme");
  } catch { return null; }
}

function coloured(value, css) {
  if (typeof value === "string") {
    return value[0] === "@" ? css.getPropertyValue("--" + value.slice(1)).trim() : value;
  }
  if (Array.isArray(value)) return value.map((item) => coloured(item, css));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, coloured(item, css)]));
}

function base(css) {
  const colour = (name) => css.getPropertyValue("--" + name).trim();
  const axis = {
    gridcolor: colour("line"), linecolor: colour("line"), zerolinecolor: colour("line"),
    automargin: true, tickfont: { size: 11 }, title: { font: { size: 12 }, standoff: 8 },
  };
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("ink"), size: 12, family: "system-ui, sans-serif" },
    margin: { l: 56, r: 16, t: 12, b: 44 }, xaxis: axis, yaxis: axis, hovermode: "closest",
    hoverlabel: {
      bgcolor: colour("paper"), bordercolor: colour("faint"),
      font: { color: colour("ink"), size: 12 }, align: "left",
    },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("muted"), activecolor: colour("accent") },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 11 } },
  };
  return { layout };
}

function draw(box) {
  const css = getComputedStyle(root);
  const { data, layout } = coloured(figures.get(box), css);
  const own = { template: base(css), dragmode: touch ? false : "zoom", autosize: true, ...layout };
  drawn.add(box);
  return Plotly.react(box, data, own, {
    responsive: true, displaylogo: false, displayModeBar: !touch && !box.closest(".grid"),
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
  });
}

function setTheme(theme) {
  root.dataset.theme = theme;
  for (const box of drawn) draw(box);
}

function show(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) {
    return Math.abs(value) < 10000 ? String(value) : value.toLocaleString("en");
  }
  return String(Number(value.toPrecision(5)));
}

function compare(a, b) {
  const absentA = a === null || a === "", absentB = b === null || b === "";
  if (absentA || absentB) return absentA - absentB;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

function table(box) {
  const { header, rows, page } = read(box);
  const isNumber = (value) => value === null || typeof value === "number";
  const numeric = header.map((_, column) => rows.every((row) => isNumber(row[column])));
  let order = rows, first = 0, sorted = null, direction = 1;
  const scroll = document.createElement("div"), grid = document.createElement("table");
  const pager = document.createElement("div");
  scroll.className = "scroll";
  pager.className = "pager";
  const head = grid.createTHead().insertRow(), body = grid.createTBody();
  const cells = header.map((name, column) => {
    const cell = document.createElement("th");
    cell.textContent = name;
    cell.tabIndex = 0;
    if (numeric[column]) cell.className = "number";
    const sort = () => {
      direction = sorted === column ? -direction : 1;
      sorted = column;
      const present = (row) => row[column] !== null && row[column] !== "";
      const sortedRows = rows.filter(present).sort(
        (a, b) => direction * compare(a[column], b[column]));
      order = [...sortedRows, ...rows.filter((row) => !present(row))];
      first = 0;
      fill();
    };
    cell.addEventListener("click", sort);
    cell.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
    head.append(cell);
    return cell;
  });
  function fill() {
    cells.forEach((cell, column) => {
      if (sorted === column) {
        cell.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      }
      else cell.removeAttribute("aria-sort");
    });
    body.replaceChildren(...order.slice(first, first + page).map((row) => {
      const line = document.createElement("tr");
      row.forEach((value, column) => {
        const cell = line.insertCell();
        cell.textContent = show(value);
        if (numeric[column]) cell.className = "number";
        else if (cell.textContent.length > 40) cell.className = "long";
      });
      return line;
    }));
    pager.hidden = rows.length <= page;
    const last = Math.min(first + page, rows.length);
    pager.querySelector("span").textContent = `${first + 1} to ${last} of ${rows.length}`;
    back.disabled = first === 0;
    next.disabled = first + page >= rows.length;
  }
  const button = (text, label, step) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", () => { first += step * page; fill(); });
    return made;
  };
  const back = button("‹", "previous rows", -1), next = button("›", "next rows", 1);
  pager.append(back, document.createElement("span"), next);
  scroll.append(grid);
  box.append(scroll, pager);
  fill();
}

function start() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const wanted = () => stored() || (system.matches ? "dark" : "light");
  root.dataset.theme = wanted();
  system.addEventListener("change", () => setTheme(wanted()));
  document.getElementById("theme").addEventListener("click", () => {
    const other = root.dataset.theme === "dark" ? "light" : "dark";
    stored(other);
    setTheme(other);
  });
  document.querySelectorAll(".table").forEach(table);
  const buttons = document.querySelectorAll(".copy");
  buttons.forEach((button) => button.addEventListener("click", async () => {
    const text = button.nextElementSibling;
    getSelection().selectAllChildren(text);
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "copied";
    } catch { button.textContent = "selected"; }
  }));
  document.querySelectorAll("details").forEach((fold) => fold.addEventListener("toggle", () => {
    fold.querySelectorAll(".plot").forEach((box) => drawn.has(box) && Plotly.Plots.resize(box));
  }));
  const waiting = [...figures.keys()];
  const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (entry.isIntersecting && !drawn.has(entry.target)) draw(entry.target);
  }), { rootMargin: "400px" });
  waiting.forEach((box) => seen.observe(box));
  const idle = window.requestIdleCallback || ((task) => setTimeout(task, 30));
  // what is out of view is drawn when the browser is idle, so that a page can be printed
  const rest = () => {
    const box = waiting.find((one) => !drawn.has(one));
    if (box === undefined) { root.dataset.ready = "yes"; return; }
    Promise.resolve(draw(box)).finally(() => idle(rest));
  };
  idle(rest);
}

start();
