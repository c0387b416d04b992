// One photo: the wheel, + and − zoom, dragging moves, a double click fits the photo.
const SVG = "http://www.w3.org/2000/svg";

function outline(svg, face, width, height) {
  const [left, top, right, bottom] = face.box;
  const x = left * width, y = top * height;
  const w = (right - left) * width, h = (bottom - top) * height;
  const group = document.createElementNS(SVG, "g");
  group.setAttribute("transform", `rotate(${face.turn} ${x + w / 2} ${y + h / 2})`);
  for (const [colour, thickness] of [["#ffffffc0", 4], [face.colour, 2]]) {
    const box = document.createElementNS(SVG, "rect");
    const attributes = { x, y, width: w, height: h, fill: "none", stroke: colour,
      "stroke-width": thickness, "vector-effect": "non-scaling-stroke" };
    for (const [name, value] of Object.entries(attributes)) box.setAttribute(name, value);
    group.append(box);
  }
  const size = Math.max(width, height) / 34;
  const text = document.createElementNS(SVG, "text");
  const attributes = { x: x + size / 3, y: y + size * 1.15, fill: face.colour,
    "font-size": size, stroke: "white", "stroke-width": size / 4,
    "paint-order": "stroke" };
  for (const [name, value] of Object.entries(attributes)) text.setAttribute(name, value);
  text.textContent = face.label;
  svg.append(group, text);
}

export default function ({ data, parentElement }) {
  const viewer = parentElement.querySelector(".viewer");
  const stage = viewer.querySelector(".stage");
  const image = stage.querySelector("img");
  const svg = stage.querySelector("svg");
  const badge = viewer.querySelector(".badge");
  const view = (parentElement.coinView ??= { scale: 1, x: 0, y: 0, photo: null });

  // On a phone the keys below must stay visible: no empty bands around a wide photo.
  const height = () => (viewer.clientWidth > 520 ? data.height : Math.min(data.height,
    Math.max(160, (viewer.clientWidth * data.heightPx) / data.widthPx)));
  const resize = () => { viewer.style.height = `${height()}px`; };
  resize();
  if (image.src !== data.src) image.src = data.src;
  image.alt = data.alt;
  badge.textContent = data.badge;
  badge.hidden = !data.badge;
  svg.setAttribute("viewBox", `0 0 ${data.widthPx} ${data.heightPx}`);
  svg.replaceChildren();
  for (const face of data.faces) outline(svg, face, data.widthPx, data.heightPx);

  const fittedScale = () =>
    Math.min(viewer.clientWidth / data.widthPx, height() / data.heightPx);
  const place = () => {
    stage.style.width = `${data.widthPx}px`;
    stage.style.height = `${data.heightPx}px`;
    stage.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
    // A photo that fits cannot be moved, so a finger scrolls the page.
    viewer.style.touchAction = view.scale > fittedScale() * 1.01 ? "none" : "pan-y";
    viewer.dataset.zoom = (view.scale / fittedScale()).toFixed(2);
  };
  const fit = () => {
    view.scale = fittedScale();
    view.x = (viewer.clientWidth - data.widthPx * view.scale) / 2;
    view.y = (height() - data.heightPx * view.scale) / 2;
    place();
  };
  const zoom = (factor, x = viewer.clientWidth / 2, y = height() / 2) => {
    const smallest = fittedScale();
    const scale = Math.min(Math.max(view.scale * factor, smallest), smallest * 24);
    view.x = x - ((x - view.x) * scale) / view.scale;
    view.y = y - ((y - view.y) * scale) / view.scale;
    view.scale = scale;
    if (scale === smallest) fit();
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
    const start = { x: event.clientX - view.x, y: event.clientY - view.y };
    viewer.onpointermove = (move) => {
      view.x = move.clientX - start.x;
      view.y = move.clientY - start.y;
      place();
    };
    viewer.onpointerup = () => { viewer.onpointermove = null; };
  };
  viewer.ondblclick = (event) => event.target.closest("button") || fit();
  const [zoomIn, zoomOut, fitButton] = viewer.querySelectorAll(".tools button");
  zoomIn.onclick = () => zoom(1.5);
  zoomOut.onclick = () => zoom(1 / 1.5);
  fitButton.onclick = fit;

  if (view.photo !== data.photo) {
    view.photo = data.photo;
    fit();
  } else {
    place();
  }
  view.observer ??= new ResizeObserver(() => view.refit?.());
  view.refit = () => { resize(); fit(); };
  if (view.observed !== viewer) {
    view.observer.disconnect();
    view.observer.observe(viewer);
    view.observed = viewer;
  }
}
