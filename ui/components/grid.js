// The thumbnails of one page: a click selects, Shift-click selects a range, "Open" or a
// double click opens. Names are inserted as text, never as HTML.
const SVG = "http://www.w3.org/2000/svg";

function make(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function outlines(photo) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${photo.width} ${photo.height}`);
  svg.setAttribute("preserveAspectRatio", "none");
  for (const face of photo.faces) {
    const [left, top, right, bottom] = face.box;
    for (const [colour, width] of [["#ffffffb0", 3], [face.colour, 1.6]]) {
      const box = document.createElementNS(SVG, "rect");
      box.setAttribute("x", left * photo.width);
      box.setAttribute("y", top * photo.height);
      box.setAttribute("width", (right - left) * photo.width);
      box.setAttribute("height", (bottom - top) * photo.height);
      box.setAttribute("fill", "none");
      box.setAttribute("stroke", colour);
      box.setAttribute("stroke-width", width);
      box.setAttribute("vector-effect", "non-scaling-stroke");
      svg.append(box);
    }
  }
  return svg;
}

function makeTile(photo, words) {
  const tile = make("div", `tile ${photo.status}`);
  tile.tabIndex = 0;
  tile.dataset.id = photo.id;
  tile.setAttribute("role", "gridcell");
  tile.setAttribute("aria-label", `${photo.name}, ${photo.label}`);
  tile.title = photo.title;
  const picture = make("div", photo.src ? "photo" : "photo pending");
  if (photo.src) {
    const outlined = make("div", "outlined");
    const image = make("img", "");
    image.src = photo.src;
    image.alt = photo.name;
    outlined.append(image, outlines(photo));
    picture.append(outlined);
  }
  const line = make("div", "line");
  const dot = make("span", "dot");
  dot.style.background = photo.colour;
  line.append(dot, make("span", "label", photo.label));
  if (photo.note) line.append(make("span", "note", photo.note));
  const tags = make("div", "line");
  for (const [kind, text] of photo.tags) tags.append(make("span", `tag ${kind}`, text));
  const open = make("button", "open", words.open);
  open.type = "button";
  open.setAttribute("aria-label", `${words.open} ${photo.name}`);
  tile.append(picture, make("span", "tick"), open, make("div", "name", photo.name));
  tile.append(line, tags);
  return tile;
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const grid = parentElement.querySelector(".grid");
  const state = (parentElement.coinGrid ??= { selected: new Set(), version: null });
  const drawn = JSON.stringify([data.photos, data.words]);
  if (state.version !== data.version) {
    state.version = data.version;
    state.selected = new Set(data.selected);
    state.last = null;
  } else if (state.drawn === drawn) {
    return;  // the page has taken a click: the tiles, and the focus, stay
  }
  state.drawn = drawn;
  const first = data.photos[0]?.id;
  const isNewPage = state.first !== undefined && state.first !== first;
  if (isNewPage) state.last = null;
  state.first = first;
  const tiles = data.photos.map((photo) => makeTile(photo, data.words));
  grid.setAttribute("role", "grid");
  grid.setAttribute("aria-label", data.words.photos);
  grid.setAttribute("aria-multiselectable", "true");
  const row = make("div", "row");
  row.setAttribute("role", "row");
  row.append(...tiles);
  grid.replaceChildren(row);
  // A new page is shown from its top.
  if (isNewPage && grid.getBoundingClientRect().top < 0) grid.scrollIntoView();

  const showSelection = () => {
    for (const tile of tiles) {
      const selected = state.selected.has(Number(tile.dataset.id));
      tile.classList.toggle("selected", selected);
      tile.setAttribute("aria-selected", selected);
    }
  };
  const report = () => {
    showSelection();
    clearTimeout(state.timer);
    state.timer = setTimeout(
      () => setStateValue("selected", {
        version: state.version, ids: [...state.selected] }), 180);
  };
  const select = (index, isRange) => {
    const id = data.photos[index].id;
    if (isRange && state.last != null && state.last < tiles.length) {
      const [from, to] = state.last < index ? [state.last, index] : [index, state.last];
      for (let i = from; i <= to; i += 1) state.selected.add(data.photos[i].id);
    } else if (!state.selected.delete(id)) {
      state.selected.add(id);
    }
    state.last = index;
    report();
  };
  const open = (index) => setTriggerValue("open", data.photos[index].id);

  tiles.forEach((tile, index) => {
    tile.onclick = (event) =>
      event.target.closest(".open") ? open(index) : select(index, event.shiftKey);
    tile.ondblclick = () => open(index);
    tile.onkeydown = (event) => {
      if (event.target !== tile) return;
      const style = getComputedStyle(grid);
      const columns = style.gridTemplateColumns.split(" ").length;
      const next = style.direction === "rtl" ? -1 : 1;
      const step = { ArrowLeft: -next, ArrowRight: next, ArrowUp: -columns,
        ArrowDown: columns }[event.key];
      if (step !== undefined) tiles[index + step]?.focus();
      else if (event.key === " ") select(index, event.shiftKey);
      else if (event.key === "Enter") open(index);
      else return;
      event.preventDefault();
    };
  });
  showSelection();
  // The page is shown before its last thumbnail is made.
  if (data.photos.some((photo) => !photo.src && !photo.broken)) {
    setTriggerValue("more", Date.now());
  }
}
