// The thumbnails of one page: a click chooses, shift-click chooses a run, "Open" or
// a double click opens. Names are set as text, never as HTML.
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
    for (const [colour, thick] of [["#ffffffb0", 3], [face.colour, 1.6]]) {
      const box = document.createElementNS(SVG, "rect");
      box.setAttribute("x", left * photo.width);
      box.setAttribute("y", top * photo.height);
      box.setAttribute("width", (right - left) * photo.width);
      box.setAttribute("height", (bottom - top) * photo.height);
      box.setAttribute("fill", "none");
      box.setAttribute("stroke", colour);
      box.setAttribute("stroke-width", thick);
      box.setAttribute("vector-effect", "non-scaling-stroke");
      svg.append(box);
    }
  }
  return svg;
}

function draw(photo) {
  const tile = make("div", `tile ${photo.status}`);
  tile.tabIndex = 0;
  tile.dataset.id = photo.id;
  tile.setAttribute("role", "option");
  tile.title = photo.title;
  const picture = make("div", photo.src ? "photo" : "photo waiting");
  if (photo.src) {
    const frame = make("div", "frame");
    const image = make("img", "");
    image.src = photo.src;
    image.alt = photo.name;
    frame.append(image, outlines(photo));
    picture.append(frame);
  }
  const line = make("div", "line");
  const dot = make("span", "dot");
  dot.style.background = photo.colour;
  line.append(dot, make("span", "who", photo.label));
  if (photo.note) line.append(make("span", "far", photo.note));
  const tags = make("div", "line");
  for (const tag of photo.tags) tags.append(make("span", `tag ${tag}`, tag));
  const open = make("button", "open", "Open");
  open.type = "button";
  tile.append(picture, make("span", "tick"), open, make("div", "name", photo.name));
  tile.append(line, tags);
  return tile;
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const grid = parentElement.querySelector(".grid");
  const kept = (parentElement.coinGrid ??= { chosen: new Set(), token: null });
  if (kept.token !== data.token) {
    kept.token = data.token;
    kept.chosen = new Set(data.chosen);
    kept.last = null;
  }
  const first = data.photos[0]?.id;
  const turned = kept.first !== undefined && kept.first !== first; // another page
  if (turned) kept.last = null;
  kept.first = first;
  const tiles = data.photos.map(draw);
  grid.setAttribute("role", "listbox");
  grid.setAttribute("aria-multiselectable", "true");
  grid.replaceChildren(...tiles);
  // Who turned the page at its foot begins the next one at its head.
  if (turned && grid.getBoundingClientRect().top < 0) grid.scrollIntoView();

  const mark = () => {
    for (const tile of tiles) {
      const chosen = kept.chosen.has(Number(tile.dataset.id));
      tile.classList.toggle("chosen", chosen);
      tile.setAttribute("aria-selected", chosen);
    }
  };
  const tell = () => {
    mark();
    clearTimeout(kept.timer);
    kept.timer = setTimeout(
      () => setStateValue("chosen", { token: kept.token, ids: [...kept.chosen] }), 180);
  };
  const choose = (at, run) => {
    const id = data.photos[at].id;
    if (run && kept.last != null && kept.last < tiles.length) {
      const [from, to] = kept.last < at ? [kept.last, at] : [at, kept.last];
      for (let i = from; i <= to; i += 1) kept.chosen.add(data.photos[i].id);
    } else if (!kept.chosen.delete(id)) {
      kept.chosen.add(id);
    }
    kept.last = at;
    tell();
  };
  const open = (at) => setTriggerValue("open", data.photos[at].id);

  tiles.forEach((tile, at) => {
    tile.onclick = (event) =>
      event.target.closest(".open") ? open(at) : choose(at, event.shiftKey);
    tile.ondblclick = () => open(at);
    tile.onkeydown = (event) => {
      if (event.target !== tile) return;
      const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns,
        ArrowDown: columns }[event.key];
      if (step !== undefined) tiles[at + step]?.focus();
      else if (event.key === " ") choose(at, event.shiftKey);
      else if (event.key === "Enter") open(at);
      else return;
      event.preventDefault();
    };
  });
  mark();
  // The first look at a page does not wait for its last thumbnail.
  if (data.photos.some((photo) => !photo.src && !photo.broken)) {
    setTriggerValue("more", Date.now());
  }
}
