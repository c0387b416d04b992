// One photo: the wheel or + and − zoom, dragging moves, a double click fits again.
const SVG = "http://www.w3.org/2000/svg";

function outline(svg, face, width, height) {
  const [left, top, right, bottom] = face.box;
  const x = left * width, y = top * height;
  const w = (right - left) * width, h = (bottom - top) * height;
  const group = document.createElementNS(SVG, "g");
  group.setAttribute("transform", `rotate(${face.turn} ${x + w / 2} ${y + h / 2})`);
  for (const [colour, thick] of [["#ffffffc0", 4], [face.colour, 2]]) {
    const box = document.createElementNS(SVG, "rect");
    const set = { x, y, width: w, height: h, fill: "none", stroke: colour,
      "stroke-width": thick, "vector-effect": "non-scaling-stroke" };
    for (const [name, value] of Object.entries(set)) box.setAttribute(name, value);
    group.append(box);
  }
  const size = Math.max(width, height) / 34;
  const text = document.createElementNS(SVG, "text");
  const set = { x: x + size / 3, y: y + size * 1.15, fill: face.colour,
    "font-size": size, stroke: "white", "stroke-width": size / 4,
    "paint-order": "stroke" };
  for (const [name, value] of Object.entries(set)) text.setAttribute(name, value);
  text.textContent = face.label;
  svg.append(group, text);
}

export default function ({ data, parentElement }) {
  const viewer = parentElement.querySelector(".viewer");
  const stage = viewer.querySelector(".stage");
  const image = stage.querySelector("img");
  const svg = stage.querySelector("svg");
  const stamp = viewer.querySelector(".stamp");
  const kept = (parentElement.coinView ??= { scale: 1, x: 0, y: 0, photo: null });

  // On a phone the keys are to stay in sight: no empty bands around a wide photo.
  const high = () => (viewer.clientWidth > 520 ? data.height : Math.min(data.height,
    Math.max(160, (viewer.clientWidth * data.heightPx) / data.widthPx)));
  const size = () => { viewer.style.height = `${high()}px`; };
  size();
  if (image.src !== data.src) image.src = data.src;
  image.alt = data.alt;
  stamp.textContent = data.stamp;
  stamp.hidden = !data.stamp;
  svg.setAttribute("viewBox", `0 0 ${data.widthPx} ${data.heightPx}`);
  svg.replaceChildren();
  for (const face of data.faces) outline(svg, face, data.widthPx, data.heightPx);

  const fitted = () =>
    Math.min(viewer.clientWidth / data.widthPx, high() / data.heightPx);
  const place = () => {
    stage.style.width = `${data.widthPx}px`;
    stage.style.height = `${data.heightPx}px`;
    stage.style.transform = `translate(${kept.x}px, ${kept.y}px) scale(${kept.scale})`;
    // Where there is nothing to move, a finger scrolls the page.
    viewer.style.touchAction = kept.scale > fitted() * 1.01 ? "none" : "pan-y";
    viewer.dataset.zoom = (kept.scale / fitted()).toFixed(2);
  };
  const fit = () => {
    kept.scale = fitted();
    kept.x = (viewer.clientWidth - data.widthPx * kept.scale) / 2;
    kept.y = (high() - data.heightPx * kept.scale) / 2;
    place();
  };
  const zoom = (factor, x = viewer.clientWidth / 2, y = high() / 2) => {
    const least = fitted();
    const scale = Math.min(Math.max(kept.scale * factor, least), least * 24);
    kept.x = x - ((x - kept.x) * scale) / kept.scale;
    kept.y = y - ((y - kept.y) * scale) / kept.scale;
    kept.scale = scale;
    if (scale === least) fit();
    else place();
  };

  viewer.onwheel = (event) => {
    event.preventDefault();
    const edge = viewer.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 400), event.clientX - edge.left,
      event.clientY - edge.top);
  };
  viewer.onpointerdown = (event) => {
    if (event.target.closest("button")) return;
    viewer.setPointerCapture(event.pointerId);
    const from = { x: event.clientX - kept.x, y: event.clientY - kept.y };
    viewer.onpointermove = (move) => {
      kept.x = move.clientX - from.x;
      kept.y = move.clientY - from.y;
      place();
    };
    viewer.onpointerup = () => { viewer.onpointermove = null; };
  };
  viewer.ondblclick = (event) => event.target.closest("button") || fit();
  const [nearer, farther, whole] = viewer.querySelectorAll(".tools button");
  nearer.onclick = () => zoom(1.5);
  farther.onclick = () => zoom(1 / 1.5);
  whole.onclick = fit;

  if (kept.photo !== data.photo) {
    kept.photo = data.photo;
    fit();
  } else {
    place();
  }
  kept.watch ??= new ResizeObserver(() => kept.refit?.());
  kept.refit = () => { size(); fit(); };
  if (kept.watched !== viewer) {
    kept.watch.disconnect();
    kept.watch.observe(viewer);
    kept.watched = viewer;
  }
}
