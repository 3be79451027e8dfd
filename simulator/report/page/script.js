"use strict";
// What the page can do beyond being read. Everything here is an addition: without it all is shown.
// Texts are only ever set as text; positions only through the object model, as the policy demands.
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const root = document.documentElement;

  // --- colours ---
  $("#theme").addEventListener("change", (event) => {
    if (event.target.value === "auto") delete root.dataset.theme;
    else root.dataset.theme = event.target.value;
  });

  // --- the sentence about what the pointer or the focus is on ---
  const tip = $("#tip");
  const said = (target) => target?.getAttribute("aria-label") ?? $(".lane", target)?.getAttribute("aria-label");
  let marked = null;
  function show(target) {
    hide();
    const text = said(target);
    if (!text) return;
    marked = target;
    marked.classList.add("on");
    tip.textContent = text.replaceAll("; ", "\n");
    tip.hidden = false;
    place(target);
  }
  function place(target) {
    const bar = $(".b, .m, .d, .k", target) ?? target;
    const box = bar.getBoundingClientRect();
    const row = target.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left), root.clientWidth - tip.offsetWidth - 8);
    const under = row.bottom + 8 + tip.offsetHeight < window.innerHeight;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${under ? row.bottom + 8 : Math.max(4, row.top - tip.offsetHeight - 8)}px`;
  }
  function hide() {
    tip.hidden = true;
    marked?.classList.remove("on");
    marked = null;
  }
  const TOLD = ".gantt .row:not(.axis), .chart [role='graphics-symbol'][aria-label]";
  document.addEventListener("pointerover", (event) => {
    const target = event.target.closest?.(TOLD);
    if (target) { if (target !== marked) show(target); }
    else if (document.activeElement !== marked) hide();
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  document.addEventListener("scroll", () => {
    if (!marked) return;
    if (marked === document.activeElement) place(marked);
    else hide();
  }, true);

  // --- one stop of the Tab key per chart; the arrows move within ---
  const seen = (item) => item.checkVisibility?.() ?? item.getClientRects().length > 0;
  function roving(container, selector, back, forth) {
    const items = () => $$(selector, container).filter(seen);
    let current = null;
    const focus = (item) => {
      if (!item) return;
      if (current) current.tabIndex = -1;
      current = item;
      item.tabIndex = 0;
      item.focus({ preventScroll: true });
      item.scrollIntoView({ behavior: "instant", block: "nearest", inline: "nearest" });
      // Of a row that is wider than the screen, what there is to see.
      if (container.scrollWidth > container.clientWidth) {
        ($(".c", item) ?? $(".b, .m, .d, .k", item))?.scrollIntoView({ behavior: "instant", block: "nearest", inline: "center" });
      }
      show(item);
    };
    container.tabIndex = 0;
    container.addEventListener("keydown", (event) => {
      if (event.target !== container && event.target !== current) return;
      const all = items();
      const at = all.indexOf(current);
      const to = { [back]: Math.max(0, at - 1), [forth]: Math.min(all.length - 1, at + 1), Home: 0, End: all.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      focus(all[to]);
    });
    container.addEventListener("focusout", hide);
  }
  for (const chart of $$(".chart")) roving(chart, "[role='graphics-symbol'][aria-label]", "ArrowLeft", "ArrowRight");
  for (const chart of $$(".gantt")) roving(chart, ".row:not(.axis)", "ArrowUp", "ArrowDown");

  // --- the Gantt ---
  const gantts = $$(".gantt");
  const runs = $$("[data-run]");
  function chosen(name) {
    for (const run of runs) {
      run.classList.toggle("shown", run.dataset.run === name);
      run.classList.toggle("gone", run.dataset.run !== name);
    }
  }
  if (runs.length > 1) {
    chosen("p50");
    $("#run").addEventListener("change", (event) => chosen(event.target.value));
  }
  const only = $("#only-critical");
  const folds = $$(".rest");
  only.checked = folds.length > 0;
  only.addEventListener("change", () => {
    for (const chart of gantts) chart.classList.toggle("only-critical", only.checked);
    for (const fold of folds) fold.open = !only.checked;
  });
  const find = $("#find-row");
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    for (const chart of gantts) chart.classList.toggle("only-critical", !wanted && only.checked && !folds.length);
    for (const row of $$(".gantt li.row")) row.classList.toggle("gone", !$(".n", row).textContent.toLowerCase().includes(wanted));
    const empty = (place) => wanted !== "" && $("li.row:not(.gone)", place) === null;
    for (const stage of $$(".stage")) stage.classList.toggle("gone", empty(stage));
    for (const fold of folds) {
      fold.classList.toggle("gone", empty(fold));
      fold.open = wanted ? !empty(fold) : !only.checked;
    }
  });
  const ZOOMS = [1, 2, 4, 8, 16];
  function zoom(by) {
    const now = Number(gantts[0].dataset.zoom);
    const next = ZOOMS[Math.min(Math.max(ZOOMS.indexOf(now) + by, 0), ZOOMS.length - 1)];
    for (const chart of gantts) {
      const middle = (chart.scrollLeft + chart.clientWidth / 2) / chart.scrollWidth;
      chart.dataset.zoom = next;
      $(".sheet", chart).style.width = `${100 * next}%`;
      chart.scrollLeft = middle * chart.scrollWidth - chart.clientWidth / 2;
    }
    $("#zoom-level").value = `${next}×`;
  }
  $("#zoom-in").addEventListener("click", () => zoom(1));
  $("#zoom-out").addEventListener("click", () => zoom(-1));
  for (const chart of gantts) {
    chart.addEventListener("keydown", (event) => {
      if (event.key === "+" || event.key === "=") zoom(1);
      else if (event.key === "-") zoom(-1);
      else if (event.key === "ArrowLeft") chart.scrollLeft -= 80;
      else if (event.key === "ArrowRight") chart.scrollLeft += 80;
      else return;
      event.preventDefault();
    });
  }

  // --- the table of services ---
  const table = $("#services-table");
  if (table) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    const value = (row, column) => {
      const cell = row.cells[column];
      return cell.hasAttribute("data-v") ? (cell.dataset.v === "" ? -Infinity : Number(cell.dataset.v)) : cell.textContent;
    };
    const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a < b ? -1 : a > b ? 1 : 0);
    heads.forEach((head, column) => $("button", head).addEventListener("click", () => {
      const numbers = column > 2;
      const was = head.getAttribute("aria-sort");
      const down = was ? was === "ascending" : numbers;
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keys = new Map(rows.map((row) => [row, value(row, column)]));
      rows.sort((a, b) => (down ? -1 : 1) * compare(keys.get(a), keys.get(b)));
      body.append(...rows);
      $("#sorted").textContent = `Sorted by ${head.textContent}, ${down ? "descending" : "ascending"}`;
    }));
    const all = $("#all-services");
    const search = $("#find-service");
    const few = table.classList.contains("few");
    search.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      for (const row of rows) row.classList.toggle("gone", !row.cells[0].textContent.toLowerCase().includes(wanted));
      table.classList.toggle("few", few && !wanted && !all.classList.contains("gone"));
    });
    all?.addEventListener("click", () => {
      table.classList.remove("few");
      all.classList.add("gone");
      search.focus();
    });
  }

  // --- data as tables, made from the same bytes that are saved ---
  function parsed(text) {
    const found = [[]];
    let cell = "", quoted = false;
    for (let at = 0; at < text.length; at++) {
      const sign = text[at];
      if (quoted) {
        if (sign !== '"') cell += sign;
        else if (text[at + 1] === '"') { cell += sign; at++; }
        else quoted = false;
      } else if (sign === '"') quoted = true;
      else if (sign === "," || sign === "\n") {
        found.at(-1).push(cell);
        cell = "";
        if (sign === "\n") found.push([]);
      } else cell += sign;
    }
    return found.slice(0, -1);
  }
  const made = (tag, text) => { const element = document.createElement(tag); if (text !== undefined) element.textContent = text; return element; };
  for (const item of $$(".item")) {
    $("details", item).addEventListener("toggle", () => {
      const place = $(".wide", item);
      if (place.firstChild) return;
      const packed = $("a", item).href.split(",")[1];
      const text = new TextDecoder().decode(Uint8Array.from(atob(packed), (sign) => sign.charCodeAt(0)));
      const [columns, ...lines] = parsed(text);
      const filled = made("table");
      const head = filled.createTHead().insertRow();
      for (const column of columns) { const cell = made("th", column); cell.scope = "col"; head.append(cell); }
      const content = filled.createTBody();
      for (const line of lines) { const row = made("tr"); row.append(...line.map((each) => made("td", each))); content.append(row); }
      place.append(filled);
    });
  }
})();
