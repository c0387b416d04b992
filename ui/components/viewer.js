// A photo with layers over it: outlines, letters, a heat map, a box to draw.
// The mouse, fingers and keys zoom and move it. What lights a letter here lights its
// places in the page (data-letter), and the other way round.
const SVG = "http://www.w3.org/2000/svg";
const LABEL_PX = 11;  // of a letter, on the screen
const SMALLEST = 0.02;  // side of a box, as a fraction of the photo
const CORNERS = { "left top": [-1, -1], "right top": [1, -1], "left bottom": [-1, 1],
  "right bottom": [1, 1] };  // of a box, seen from its middle

function draw(name, attributes, parent) {
  const shape = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
  parent.append(shape);
  return shape;
}

// The same line twice, light under dark, so that it shows on any background. The
// width is in pixels of the screen: the style multiplies it by their size (--unit).
function line(name, attributes, colour, parent, width = 1.25) {
  const drawn = [[width + 1.25, "#ffffffb0"], [width, colour]];
  return drawn.map(([wide, stroke]) => draw(name, { ...attributes, class: "line",
    stroke, style: `--wide: ${wide}px` }, parent))[1];
}

function rectangle(box, data) {
  const x = box.left * data.widthPx, y = box.top * data.heightPx;
  const width = (box.right - box.left) * data.widthPx;
  const height = (box.bottom - box.top) * data.heightPx;
  return { x, y, width, height,
    transform: `rotate(${-box.turn} ${x + width / 2} ${y + height / 2})` };
}

function drawOutlines(layer, data) {
  for (const face of data.faces) {
    const [left, top, right, bottom] = face.box;
    const place = rectangle({ left, top, right, bottom, turn: face.turn }, data);
    const group = draw("g", { role: "img", "aria-label": face.label }, layer);
    const shape = line("rect", place, face.colour, group);
    shape.classList.toggle("dashed", Boolean(face.dashed));
    const text = draw("text", { x: place.x, y: place.y, fill: face.colour,
      stroke: "white", "paint-order": "stroke", class: "name" }, group);
    text.textContent = face.tag ?? face.label;
  }
}

function drawLetters(layer, data) {
  data.letters.forEach((letter, number) => {
    const group = draw("g", { class: "glyph", tabindex: 0, role: "img",
      "aria-label": letter.label, "data-letter": number }, layer);
    group.classList.toggle("named", letter.named);
    group.classList.toggle("doubtful", letter.doubtful);
    const points = letter.corners.map((corner) => corner.join(",")).join(" ");
    draw("polygon", { points, fill: "inherit" }, group);
    line("polygon", { points }, letter.named ? "#8a5a24" : "#3c362f", group, 1);
    const [x, y] = letter.corners[0];
    draw("text", { x, y, class: "sign" }, group).textContent = letter.sign;
  });
}

export default function ({ data: given, parentElement, setStateValue }) {
  const data = { letters: [], faces: [], heat: null, crop: null, layers: [], words: {},
    upright: 0, focus: null, ...given };
  const words = data.words;
  const viewer = parentElement.querySelector(".viewer");
  const stage = viewer.querySelector(".stage");
  const image = stage.querySelector("img");
  const svg = stage.querySelector("svg");
  const badge = viewer.querySelector(".badge");
  const tools = parentElement.querySelector(".tools");
  const layers = parentElement.querySelector(".layers");
  const view = (parentElement.coinView ??= { scale: 1, x: 0, y: 0, angle: 0,
    photo: null, shown: {}, opacity: {} });

  // ---- the picture and its layers ----
  // On a phone the keys below must stay visible: no empty bands around a wide photo.
  const height = () => (viewer.clientWidth > 520 ? data.height : Math.min(data.height,
    Math.max(160, (viewer.clientWidth * data.heightPx) / data.widthPx)));
  const resize = () => { viewer.style.height = `${height()}px`; };
  resize();
  if (image.getAttribute("src") !== data.src) image.src = data.src;
  image.alt = data.alt;
  viewer.setAttribute("aria-label", `${data.alt}. ${data.help ?? ""}`);
  badge.textContent = data.badge ?? "";
  badge.hidden = !data.badge;
  parentElement.querySelector(".help").textContent = data.help ?? "";
  svg.setAttribute("viewBox", `0 0 ${data.widthPx} ${data.heightPx}`);
  const focused = parentElement.getRootNode().activeElement?.dataset?.letter;
  svg.replaceChildren();
  const drawn = {};
  for (const name of ["heat", "outlines", "letters", "crop"]) {
    drawn[name] = draw("g", {}, svg);
  }
  if (data.heat) {
    const [a, b, c, d, e, f] = data.heat.matrix;  // unit square to the photo
    draw("image", { href: data.heat.src, width: 1, height: 1,
      preserveAspectRatio: "none", transform: `matrix(${[a, b, c, d, e, f]})` },
    drawn.heat);
  }
  if (!data.crop) drawOutlines(drawn.outlines, data);
  drawLetters(drawn.letters, data);

  const applyLayers = () => {
    for (const layer of data.layers) {
      const on = view.shown[layer.name] ?? layer.shown;
      drawn[layer.name].style.display = on ? "" : "none";
      drawn[layer.name].style.opacity = (view.opacity[layer.name] ?? layer.opacity) / 100;
    }
  };
  if (view.layersDrawn !== JSON.stringify(data.layers)) {
    view.layersDrawn = JSON.stringify(data.layers);
    layers.replaceChildren();
    for (const layer of data.layers) {
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox",
        checked: view.shown[layer.name] ?? layer.shown });
      const range = Object.assign(document.createElement("input"), { type: "range",
        min: 10, max: 100, step: 5, value: view.opacity[layer.name] ?? layer.opacity });
      range.setAttribute("aria-label", layer.strength);
      box.onchange = () => {
        view.shown[layer.name] = box.checked;
        view.applyLayers();
        if (layer.ask) view.tell(layer.name, box.checked);
      };
      range.oninput = () => {
        view.opacity[layer.name] = Number(range.value);
        view.applyLayers();
      };
      label.append(box, layer.title);
      layers.append(label, range);
    }
  }
  view.applyLayers = applyLayers;
  view.tell = (name, value) => setStateValue(name, value);
  applyLayers();

  // ---- where the picture lies: scale, turn and shift ----
  const turned = () => (view.angle * Math.PI) / 180;
  const toPhoto = (x, y) => {
    const cos = Math.cos(turned()), sin = Math.sin(turned());
    const dx = (x - view.x) / view.scale, dy = (y - view.y) / view.scale;
    return [dx * cos + dy * sin, dy * cos - dx * sin];
  };
  // The scale at which a box of the photo fills the viewer.
  const scaleOf = ([left, top, right, bottom]) => {
    const cos = Math.abs(Math.cos(turned())), sin = Math.abs(Math.sin(turned()));
    const w = (right - left) * data.widthPx, h = (bottom - top) * data.heightPx;
    const room = data.crop ? 0.92 : 1;  // for the corners of the box
    return room * Math.min(viewer.clientWidth / (w * cos + h * sin),
      height() / (w * sin + h * cos));
  };
  const whole = [0, 0, 1, 1];
  const fittedScale = () => scaleOf(whole);
  const place = () => {
    stage.style.width = `${data.widthPx}px`;
    stage.style.height = `${data.heightPx}px`;
    stage.style.transform =
      `translate(${view.x}px, ${view.y}px) rotate(${view.angle}deg) scale(${view.scale})`;
    // A photo that fits cannot be moved, so a finger scrolls the page.
    viewer.style.touchAction =
      data.crop || view.scale > fittedScale() * 1.01 ? "none" : "pan-y";
    viewer.dataset.zoom = (view.scale / fittedScale()).toFixed(2);
    const unit = 1 / view.scale;  // one pixel of the screen
    svg.style.setProperty("--unit", unit);
    for (const text of svg.querySelectorAll("text")) {
      const letter = text.classList.contains("sign");
      const size = (letter ? LABEL_PX : 13) * unit;
      text.setAttribute("font-size", size);
      text.setAttribute("stroke-width", size / 4);
      const at = [text.getAttribute("x"), text.getAttribute("y")];
      text.setAttribute("transform", `rotate(${-view.angle} ${at})`);
      text.setAttribute("dx", letter || text.getAttribute("y") <= 18 * unit ? 3 * unit : 0);
      // Above its box, or inside where the photo ends.
      const above = text.getAttribute("y") > 18 * unit ? -5 * unit : size + 3 * unit;
      text.setAttribute("dy", letter ? size * 0.95 : above);
    }
    for (const group of drawn.letters.children) {
      // On a small picture the signs would cover the letters.
      const [a, b] = data.letters[group.dataset.letter].corners;
      const wide = Math.hypot(b[0] - a[0], b[1] - a[1]) * view.scale;
      group.querySelector("text").style.display = wide < 16 ? "none" : "";
    }
    for (const circle of drawn.crop.querySelectorAll("circle")) {
      circle.setAttribute("r", (circle.dataset.edge ? 14 : 7) * unit);  // a finger is wide
    }
  };
  const show = (box) => {
    view.scale = scaleOf(box);
    const x = ((box[0] + box[2]) / 2) * data.widthPx;
    const y = ((box[1] + box[3]) / 2) * data.heightPx;
    const cos = Math.cos(turned()), sin = Math.sin(turned());
    view.x = viewer.clientWidth / 2 - (x * cos - y * sin) * view.scale;
    view.y = height() / 2 - (x * sin + y * cos) * view.scale;
    view.fitted = box;
    place();
  };
  const zoom = (factor, x = viewer.clientWidth / 2, y = height() / 2) => {
    const smallest = fittedScale();
    const scale = Math.min(Math.max(view.scale * factor, smallest), smallest * 24);
    if (scale === smallest) { show(whole); return; }
    view.x = x - ((x - view.x) * scale) / view.scale;
    view.y = y - ((y - view.y) * scale) / view.scale;
    view.scale = scale;
    view.fitted = null;
    place();
  };
  const move = (dx, dy) => { view.x += dx; view.y += dy; view.fitted = null; place(); };

  // ---- the box that is drawn ----
  // A finger that is down holds on while the page is drawn again, but not to another box.
  const fingers = (view.fingers ??= new Map());
  if (data.crop && view.crop?.id !== data.crop.id) {
    view.crop = { ...data.crop };
    clearTimeout(view.telling);
    view.isUntold = false;
    fingers.clear();
  }
  if (Boolean(data.crop) !== view.isCropping) {
    if (view.fitted) view.photo = null;  // refit
    fingers.clear();
  }
  view.isCropping = Boolean(data.crop);
  const drawCrop = () => {
    drawn.crop.replaceChildren();
    if (!data.crop) return;
    const placed = rectangle(view.crop, data);
    const group = draw("g", { transform: placed.transform }, drawn.crop);
    delete placed.transform;
    line("rect", placed, "#8a5a24", group, 1.5);
    draw("rect", { ...placed, class: "crop" }, group);
    const { x, y, width, height: tall } = placed;
    // A line from the middle upwards: where the first line of the legend belongs.
    line("path", { d: `M ${x + width / 2} ${y} v ${tall / 8}` }, "#8a5a24", group, 1.5);
    for (const [edge, [right, down]] of Object.entries(CORNERS)) {
      const at = { cx: x + (width * (1 + right)) / 2, cy: y + (tall * (1 + down)) / 2 };
      draw("circle", { ...at, class: "handle" }, group);
      draw("circle", { ...at, class: "grip", "data-edge": edge }, group);
    }
  };
  const tellCrop = () => {  // once the hand rests and holds nothing
    clearTimeout(view.telling);
    if (!view.isUntold || fingers.size) return;
    view.telling = setTimeout(() => {
      view.isUntold = false;
      setStateValue("crop", view.crop);
    }, 350);
  };
  const changeCrop = (changes) => {
    view.crop = { ...view.crop, ...changes };
    view.isUntold = true;
    drawCrop();
    place();
    tellCrop();
  };
  const edgesOf = (x, y, width, tall) => ({
    left: (x - width / 2) / data.widthPx, right: (x + width / 2) / data.widthPx,
    top: (y - tall / 2) / data.heightPx, bottom: (y + tall / 2) / data.heightPx });
  // A step along the sides of the box, as one in the photo.
  const alongBox = (right, down) => {
    const turn = (view.crop.turn * Math.PI) / 180;
    return [right * Math.cos(turn) + down * Math.sin(turn),
      down * Math.cos(turn) - right * Math.sin(turn)];
  };
  // Where the middle or a corner of the box is in the photo.
  const cropPoint = ([right, down]) => {
    const { x, y, width, height: tall } = rectangle(view.crop, data);
    const [dx, dy] = alongBox((right * width) / 2, (down * tall) / 2);
    return [x + width / 2 + dx, y + tall / 2 + dy];
  };
  const moveCrop = (x, y) => {  // its middle; the box stops at the edge of the photo
    const { width, height: tall } = rectangle(view.crop, data);
    changeCrop(edgesOf(
      Math.min(Math.max(x, width / 2), data.widthPx - width / 2),
      Math.min(Math.max(y, tall / 2), data.heightPx - tall / 2), width, tall));
  };
  const shiftCrop = (dx, dy) => {
    const [x, y] = cropPoint([0, 0]);
    moveCrop(x + dx * data.widthPx, y + dy * data.heightPx);
  };
  // Another size, as far as the photo goes; the corner opposite to `corner` stays.
  const resizeCrop = ([right, down], width, tall) => {
    const [farX, farY] = cropPoint([-right, -down]);
    const sized = (wide, high) => {
      const [dx, dy] = alongBox((right * wide) / 2, (down * high) / 2);
      return edgesOf(farX + dx, farY + dy, wide, high);
    };
    const now = rectangle(view.crop, data);
    const size = [now.width, now.height];
    const wanted = [Math.max(width, SMALLEST * data.widthPx),
      Math.max(tall, SMALLEST * data.heightPx)];
    for (const side of [0, 1]) {  // one after the other: each goes as far as it can
      const before = sized(...size), from = size[side];
      size[side] = wanted[side];
      let share = 1;
      for (const [edge, to] of Object.entries(sized(...size))) {
        const beyond = Math.max(-to, to - 1);
        if (beyond > 0) share = Math.min(share, 1 - beyond / Math.abs(to - before[edge]));
      }
      size[side] = from + (wanted[side] - from) * Math.max(share, 0);
    }
    changeCrop(sized(...size));
  };
  const pullCorner = ([right, down], x, y) => {  // to a point of the photo
    const [farX, farY] = cropPoint([-right, -down]);
    const [unitX, unitY] = alongBox(1, 0);
    const dx = x - farX, dy = y - farY;
    resizeCrop([right, down], right * (dx * unitX + dy * unitY),
      down * (dy * unitX - dx * unitY));
  };
  // The box turns clockwise, so the turn that brings the coin upright gets less.
  const turnCrop = (degrees) => changeCrop({
    turn: ((((view.crop.turn - degrees + 180) % 360) + 360) % 360) - 180 });
  drawCrop();

  // ---- mouse and fingers ----
  viewer.onwheel = (event) => {
    // The wheel scrolls the page until the photo was clicked.
    const root = parentElement.getRootNode();
    const isHeld = root.activeElement === viewer || viewer.contains(root.activeElement);
    if (!event.ctrlKey && !event.metaKey && !isHeld) return;
    event.preventDefault();
    const edge = viewer.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 400), event.clientX - edge.left,
      event.clientY - edge.top);
  };
  const within = (event) => {
    const edge = viewer.getBoundingClientRect();
    return [event.clientX - edge.left, event.clientY - edge.top];
  };
  viewer.onpointerdown = (event) => {
    const [x, y] = within(event);
    viewer.setPointerCapture(event.pointerId);
    const corner = CORNERS[event.target.dataset?.edge];
    const isBox = data.crop && (corner || event.target.classList.contains("crop"));
    fingers.set(event.pointerId, { x, y, part: isBox ? corner ?? [0, 0] : null });
    clearTimeout(view.telling);
  };
  viewer.onpointermove = (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    const [x, y] = within(event);
    const [other] = [...fingers.entries()].filter(([id]) => id !== event.pointerId);
    if (other) {
      const { x: ox, y: oy } = other[1];
      const before = Math.hypot(finger.x - ox, finger.y - oy);
      const middle = [(x + ox) / 2, (y + oy) / 2];
      move((x - finger.x) / 2, (y - finger.y) / 2);
      if (before > 0) zoom(Math.hypot(x - ox, y - oy) / before, ...middle);
      finger.off = other[1].off = null;
    } else if (finger.part) {
      if (!finger.off) {  // from what it holds
        const [partX, partY] = cropPoint(finger.part);
        const [fromX, fromY] = toPhoto(finger.x, finger.y);
        finger.off = [partX - fromX, partY - fromY];
      }
      const [toX, toY] = toPhoto(x, y).map((one, axis) => one + finger.off[axis]);
      if (finger.part[0]) pullCorner(finger.part, toX, toY);
      else moveCrop(toX, toY);
    } else move(x - finger.x, y - finger.y);
    Object.assign(finger, { x, y });
  };
  viewer.onpointerup = viewer.onpointercancel = viewer.onlostpointercapture = (event) => {
    fingers.delete(event.pointerId);
    tellCrop();
  };
  viewer.ondblclick = () => show(whole);

  // ---- keys ----
  viewer.onkeydown = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
      ArrowDown: [0, 1] }[event.key];
    if (steps && data.crop && event.shiftKey) {
      const [dx, dy] = steps.map((step) => step * 0.01);
      const { width, height: tall } = rectangle(view.crop, data);
      resizeCrop([1, 1], width + dx * data.widthPx, tall + dy * data.heightPx);
    } else if (steps && data.crop) shiftCrop(...steps.map((step) => step * 0.01));
    else if (steps) move(...steps.map((step) => -40 * step));
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-" || event.key === "_") zoom(1 / 1.25);
    else if (event.key === "0") show(whole);
    else if (data.crop && event.key === "[") turnCrop(-2);
    else if (data.crop && event.key === "]") turnCrop(2);
    else if (data.crop && event.key === "{") turnCrop(-15);
    else if (data.crop && event.key === "}") turnCrop(15);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  // ---- buttons ----
  const box = data.focus ?? whole;
  const buttons = [
    ["+", words.zoomIn, () => zoom(1.5)],
    ["−", words.zoomOut, () => zoom(1 / 1.5)],
    [words.whole, "", () => show(whole)],
    data.focus && [words.coin, "", () => show(box)],
    data.upright && [words.upright, "", () => {
      view.angle = view.angle ? 0 : data.upright;
      show(view.fitted ?? box);
    }],
    data.crop && ["↺", words.left, () => turnCrop(-5)],
    data.crop && ["↻", words.right, () => turnCrop(5)],
  ].filter(Boolean);
  const held = [...tools.children].indexOf(parentElement.getRootNode().activeElement);
  tools.replaceChildren(...buttons.map(([text, title, onclick]) => {
    const button = Object.assign(document.createElement("button"),
      { type: "button", textContent: text, onclick });
    if (title) {
      button.title = title;
      button.setAttribute("aria-label", title);
    }
    return button;
  }));
  tools.children[held]?.focus();

  // ---- letters here and in the page ----
  const light = (number) => {
    for (const group of drawn.letters.children) {
      group.classList.toggle("lit", group.dataset.letter === number);
    }
    for (const cell of document.querySelectorAll("[data-letter]")) {
      cell.classList.toggle("lit", cell.dataset.letter === number);
    }
  };
  view.listening?.abort();
  view.listening = new AbortController();
  if (data.letters.length) {
    for (const type of ["pointerover", "focusin"]) {
      document.addEventListener(type, (event) => {
        light(event.composedPath().find((one) => one.dataset?.letter)?.dataset.letter);
      }, { signal: view.listening.signal });
    }
    svg.querySelector(`[data-letter="${focused}"]`)?.focus();
  }

  if (view.photo !== data.photo) {
    Object.assign(view, { photo: data.photo, angle: 0 });
    fingers.clear();
    show(whole);
  } else {
    place();
  }
  view.observer ??= new ResizeObserver(() => view.refit?.());
  view.refit = () => { resize(); show(view.fitted ?? whole); };
  if (view.observed !== viewer) {
    view.observer.disconnect();
    view.observer.observe(viewer);
    view.observed = viewer;
  }
  return () => view.listening.abort();
}
