"use strict";
(() => {
  const all = (where, what) => [...where.querySelectorAll(what)];
  const say = (text) => { document.getElementById("said").textContent = text; };
  document.documentElement.classList.add("lively");

  // Tabs: the panels stand one below the other until this runs, and again on paper.
  for (const group of all(document, ".tabs")) {
    const panels = all(group, ":scope > .panel");
    if (panels.length < 2) continue;
    const list = document.createElement("div");
    list.className = "tablist";
    list.setAttribute("role", "tablist");
    const tabs = panels.map((panel, at) => {
      const tab = document.createElement("button");
      const count = document.createElement("small");
      count.textContent = ` ${panel.dataset.count}`;
      tab.append(panel.dataset.tab, count);
      tab.type = "button";
      tab.id = `tab-${group.dataset.tabs}-${at}`;
      tab.setAttribute("role", "tab");
      panel.id ||= `panel-${group.dataset.tabs}-${at}`;
      tab.setAttribute("aria-controls", panel.id);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      list.append(tab);
      return tab;
    });
    const open = (wanted) => tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(at === wanted));
      tab.tabIndex = at === wanted ? 0 : -1;
      panels[at].hidden = at !== wanted;
    });
    tabs.forEach((tab, at) => {
      tab.addEventListener("click", () => open(at));
      panels[at].openIt = () => open(at);
      panels[at].count = (text) => { tab.lastChild.textContent = ` ${text}`; };
    });
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length;
      open(next);
      tabs[next].focus();
      event.preventDefault();
    });
    const fromAddress = () => {
      const at = panels.findIndex((panel) => `#${panel.id}` === location.hash);
      if (at >= 0) { open(at); panels[at].scrollIntoView(); }
    };
    group.prepend(list);
    group.classList.add("tabbed");
    open(0);
    addEventListener("hashchange", fromAddress);
    fromAddress();
  }

  // Copy an id or a command.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      say(`copied ${button.dataset.copy}`);
      button.title = "Copied";
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling || button);
    }
  });

  // Filters of the changes, for cards and table alike.
  for (const form of all(document, "[data-filters]")) {
    const section = form.closest("section");
    const items = all(section, "[data-step]");
    const cards = items.filter((item) => item.matches(".card"));
    const apply = () => {
      const { step, class: kind, words } = Object.fromEntries(new FormData(form));
      const sought = words.trim().toLowerCase();
      for (const item of items) {
        item.hidden = !((!step || item.dataset.step === step)
          && (!kind || item.dataset.classes.includes(` ${kind} `))
          && (!sought || item.textContent.toLowerCase().includes(sought)));
      }
      const seen = cards.filter((card) => !card.hidden);
      const filtered = Boolean(step || kind || sought);
      form.querySelector("output").textContent = filtered ? `${seen.length} of ${cards.length} pictured` : "";
      const panels = all(section, ".panel").filter((panel) => panel.count);
      for (const panel of panels) panel.count(filtered ? seen.filter((card) => panel.contains(card)).length : panel.dataset.count);
      // A filter must not look empty while the match is under another tab.
      if (seen.length && !seen.some((card) => card.offsetParent)) panels.find((panel) => panel.contains(seen[0]))?.openIt();
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  // The map: colours, legend, and the sample under the pointer.
  for (const atlas of all(document, ".atlas")) {
    const points = JSON.parse(atlas.querySelector(".points").textContent);
    const stage = atlas.querySelector(".stage");
    const svg = stage.querySelector("svg");
    const hover = stage.querySelector(".hover");
    const cursor = svg.querySelector(".cursor");
    const sprite = hover.querySelector(".sprite");
    const side = Number(atlas.dataset.side);
    const columns = Number(atlas.dataset.columns);
    const shown = 96;

    // What a dot is in each layer stands at this place of its row; its lines of the legend that are off.
    const places = { class: 4, finding: 5, change: 6 };
    const off = { class: new Set(), finding: new Set(), change: new Set() };
    let layer = atlas.querySelector("[name=layer]:checked").value;
    const names = Object.fromEntries(all(atlas, ".legend").map((legend) => [
      legend.dataset.layer, new Set(all(legend, "button").map((button) => button.dataset.name)),
    ]));
    const hidden = (point) => {
      const name = point[places[layer]];
      return off[layer].has(names[layer].has(name) ? name : "others");
    };

    atlas.addEventListener("change", (event) => {
      if (event.target.name === "stands") stage.querySelector(".stands").hidden = !event.target.checked;
      if (event.target.name !== "layer") return;
      layer = event.target.value;
      atlas.classList.toggle("by-class", layer === "class");
      for (const part of all(atlas, ".layer, .legend")) part.classList.toggle("on", part.dataset.layer === layer);
    });

    const switched = (legend) => {
      const drawn = svg.querySelector(`.layer[data-layer="${legend.dataset.layer}"]`);
      for (const button of all(legend, "button")) {
        const gone = off[legend.dataset.layer].has(button.dataset.name);
        button.setAttribute("aria-pressed", String(!gone));
        drawn.querySelector(`[data-entry="${button.dataset.entry}"]`).classList.toggle("off", gone);
      }
    };
    atlas.addEventListener("click", (event) => {
      const button = event.target.closest(".legend button");
      if (!button) return;
      const legend = button.closest(".legend");
      const gone = off[legend.dataset.layer];
      if (!gone.delete(button.dataset.name)) gone.add(button.dataset.name);
      switched(legend);
    });
    atlas.addEventListener("dblclick", (event) => {
      const button = event.target.closest(".legend button");
      if (!button) return;
      const legend = button.closest(".legend");
      const others = all(legend, "button").map((one) => one.dataset.name).filter((name) => name !== button.dataset.name);
      const gone = off[legend.dataset.layer];
      const alone = others.length > 0 && others.every((name) => gone.has(name));
      gone.clear();
      if (!alone) for (const name of others) gone.add(name);
      switched(legend);
    });

    const show = (at) => {
      const [x, y, id, name, label, kind, fate, cell, text, told] = points[at];
      cursor.setAttribute("cx", x);
      cursor.setAttribute("cy", y);
      sprite.hidden = cell < 0;
      if (cell >= 0) {
        const zoom = shown / side;
        sprite.style.width = sprite.style.height = `${shown}px`;
        sprite.style.backgroundSize = `${columns * side * zoom}px auto`;
        sprite.style.backgroundPosition = `${-(cell % columns) * shown}px ${-Math.floor(cell / columns) * shown}px`;
      }
      hover.querySelector(".hover-text").textContent = text;
      hover.querySelector(".hover-facts").textContent = told ? `${label} · ${fate}` : `${label} · ${kind} · ${fate}`;
      hover.querySelector(".hover-told").textContent = told;
      hover.querySelector(".hover-name").textContent = name || id;
      hover.hidden = false;
      const scale = svg.clientWidth / Number(atlas.dataset.width);
      const left = x * scale + 14 + hover.offsetWidth > svg.clientWidth ? x * scale - 14 - hover.offsetWidth : x * scale + 14;
      const top = Math.min(y * scale - 20, svg.clientHeight - hover.offsetHeight - 6);
      hover.style.left = `${Math.max(left, 4)}px`;
      hover.style.top = `${Math.max(top, 4)}px`;
    };
    const hide = () => { hover.hidden = true; cursor.setAttribute("cx", -99); };

    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const scale = Number(atlas.dataset.width) / box.width;
      const px = (event.clientX - box.left) * scale;
      const py = (event.clientY - box.top) * scale;
      let best = -1;
      let nearest = (18 * Math.max(scale, 1)) ** 2;
      points.forEach((point, at) => {
        if (hidden(point)) return;
        const [x, y] = point;
        const far = (x - px) ** 2 + (y - py) ** 2;
        if (far < nearest) { nearest = far; best = at; }
      });
      if (best < 0) hide(); else show(best);
    });
    svg.addEventListener("pointerleave", hide);

    const noted = points.map((_, at) => at).filter((at) => points[at][5] !== "nothing found" || points[at][6] !== "unchanged");
    let place = -1;
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hide();
      const walk = noted.filter((at) => !hidden(points[at]));
      if (!step || !walk.length) return;
      place = (place + step + walk.length) % walk.length;
      show(walk[place]);
      say(hover.textContent);
      event.preventDefault();
    });
    svg.addEventListener("blur", hide);
  }
})();
