
"use strict";
// Pictures, palettes and figures are there without this: it adds the slider, enlarging, copying, sorting
// and the plot.

document.documentElement.classList.add("scripted");

const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

// ---- Before and after under one slider ----

// A tiny picture is enlarged to about this many pixels.
const TINY = 480;

function comparison(section) {
  const part = (selector) => section.querySelector(selector);
  const [viewer, view, stage, handle] = [".viewer", ".view", ".stage", ".handle"].map(part);
  const [slider, before, picture] = ["input", ".before", "img"].map(part);
  const buttons = [...section.querySelectorAll("[data-zoom]")];
  const width = +picture.getAttribute("width");
  const height = +picture.getAttribute("height");
  let zoom = 0; // 0 is what fits

  function fitting() {
    const scale = Math.min(section.querySelector(".slider").clientWidth / width, (0.78 * innerHeight) / height);
    const most = Math.max(1, Math.floor(TINY / Math.max(width, height)));
    return scale > 1 ? Math.min(Math.floor(scale), most) : scale;
  }

  function split() {
    const x = (view.clientWidth * slider.value) / 100;
    handle.style.left = `${x}px`;
    before.style.clipPath = `inset(0 ${stage.clientWidth - view.scrollLeft - x}px 0 0)`;
    slider.setAttribute("aria-valuetext", `${Math.round(slider.value)} % original`);
  }

  function lay() {
    const scale = zoom || fitting();
    stage.style.width = `${width * scale}px`;
    stage.style.height = `${height * scale}px`;
    viewer.classList.toggle("pixels", scale > 1);
    split();
  }

  // Enlarges so that what is at `at`, in pixels of the view, stays there.
  function enlarge(next, at = [view.clientWidth / 2, view.clientHeight / 2]) {
    const place = [(view.scrollLeft + at[0]) / stage.clientWidth, (view.scrollTop + at[1]) / stage.clientHeight];
    zoom = next;
    for (const button of buttons) button.setAttribute("aria-pressed", +button.dataset.zoom === zoom);
    lay();
    view.scrollLeft = place[0] * stage.clientWidth - at[0];
    view.scrollTop = place[1] * stage.clientHeight - at[1];
    split();
  }

  function enlargeBy(steps, at) {
    const levels = buttons.map((button) => +button.dataset.zoom);
    enlarge(levels[clamp(levels.indexOf(zoom) + steps, 0, levels.length - 1)], at);
  }

  function slideTo(event) {
    const box = view.getBoundingClientRect();
    slider.value = (100 * (event.clientX - box.left)) / view.clientWidth;
    split();
  }

  // The handle slides; beside it a picture that fits slides too, and an enlarged one is moved.
  dragged(handle, slideTo);
  dragged(view, (event, x, y) => {
    if (zoom === 0) {
      slideTo(event);
    } else if (event.pointerType === "mouse") {
      view.scrollLeft -= x;
      view.scrollTop -= y;
    }
  });
  slider.addEventListener("input", split);
  view.addEventListener("scroll", split);
  view.addEventListener("keydown", (event) => {
    const steps = { "+": 1, "=": 1, "-": -1 }[event.key];
    if (steps && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      enlargeBy(steps);
    }
  });
  const at = (event) => {
    const box = view.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  view.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    enlargeBy(event.deltaY < 0 ? 1 : -1, at(event));
  }, { passive: false });
  view.addEventListener("dblclick", (event) => enlarge(zoom === 0 ? 4 : 0, at(event)));
  for (const button of buttons) button.addEventListener("click", () => enlarge(+button.dataset.zoom));
  new ResizeObserver(lay).observe(section);
  lay();
}

// Calls `move` with the events of a pointer that is pressed on `element` until it is let go, and how far
// it has gone since the one before.
function dragged(element, move) {
  let last;
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    last = event;
    move(event, 0, 0);
  });
  element.addEventListener("pointermove", (event) => {
    if (!element.hasPointerCapture(event.pointerId)) return;
    move(event, event.clientX - last.clientX, event.clientY - last.clientY);
    last = event;
  });
}

// ---- The colors in 3-D ----

// In turns, about the vertical axis and about the one from left to right.
const FIRST_VIEW = { yaw: -0.6, pitch: 0.35, zoom: 1 };
const KEY_STEP = 0.1;
const DRAG_STEP = 0.008; // a pixel

function bytes(base64) {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

// Coordinates in the plot, within about -0.5 to 0.5, of sRGB on the scale 0 to 255.
const SPACES = {
  rgb: {
    place: ([r, g, b]) => [r / 255 - 0.5, g / 255 - 0.5, b / 255 - 0.5],
    box: [[-0.5, -0.5, -0.5], [0.5, 0.5, 0.5]],
    axes: ["red", "green", "blue"],
  },
  // Ottosson, "A perceptual color space for image processing", 2020.
  oklab: {
    place: (rgb) => {
      const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
      const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
      const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
      const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
      return [
        1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
        0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s - 0.5,
        0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
      ];
    },
    box: [[-0.3, -0.5, -0.35], [0.3, 0.5, 0.25]],
    axes: ["a", "L", "b"],
  },
};

// The edges of a box, each from corner to corner; a corner's bits say which end of each axis.
const EDGES = [];
for (let corner = 0; corner < 8; corner++) {
  for (const axis of [1, 2, 4]) if (!(corner & axis)) EDGES.push([corner, corner | axis]);
}

// On paper all is as in the light.
let printing = false;

function inks(section) {
  if (printing) return { ink: "#000", muted: "#444", card: "#fff" };
  const style = getComputedStyle(section);
  const [ink, muted, card] = ["--ink", "--muted", "--card"].map((name) => style.getPropertyValue(name));
  return { ink, muted, card };
}

// Plots the colors of a section as they are turned and enlarged, and returns what paints them at once.
function plot(section) {
  const data = JSON.parse(section.querySelector("script").textContent);
  const canvas = section.querySelector("canvas");
  const buttons = [...section.querySelectorAll("[data-space]")];
  const raw = bytes(data.points);
  const n = data.shown;
  const shells = new Int16Array(bytes(data.ellipsoids).buffer);

  // Points, then centers, then corners of ellipsoids: x, y, z each.
  const rgb = [];
  for (let i = 0; i < n; i++) rgb.push([raw[4 * i], raw[4 * i + 1], raw[4 * i + 2]]);
  rgb.push(...data.centers);
  for (let i = 0; i < shells.length; i += 3) rgb.push([shells[i] / 64, shells[i + 1] / 64, shells[i + 2] / 64]);
  const firstCenter = n;
  const firstCorner = n + data.centers.length;
  const places = {};
  for (const space in SPACES) places[space] = Float32Array.from(rgb.flatMap(SPACES[space].place));

  const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
  const fill = rgb.slice(0, firstCorner).map(css);
  // Sides grow with the fourth root of the pixels, or a few colors would hide all others.
  const size = Float32Array.from({ length: n }, (_, i) => 2 ** (raw[4 * i + 3] / 8 / 4));
  let largest = 1;
  for (const s of size) largest = Math.max(largest, s);

  const view = { ...FIRST_VIEW };
  let space = "rgb";
  let position = places.rgb;
  const seen = new Float32Array(3 * rgb.length); // x and y in pixels, and how large things are there
  const order = new Uint32Array(n);

  // Writes where (x, y, z) is seen, and how much larger things are there, to `to` at `i`.
  function projector(width, height) {
    const [cosYaw, sinYaw, cosPitch, sinPitch] = [Math.cos(view.yaw), Math.sin(view.yaw), Math.cos(view.pitch), Math.sin(view.pitch)];
    const unit = 0.53 * Math.min(width, height) * view.zoom;
    return (x, y, z, to, i) => {
      const depth = z * cosYaw - x * sinYaw;
      const near = 3 / (3 - y * sinPitch - depth * cosPitch);
      to[i] = width / 2 + unit * near * (x * cosYaw + z * sinYaw);
      to[i + 1] = height / 2 - unit * near * (y * cosPitch - depth * sinPitch);
      to[i + 2] = near;
    };
  }

  // From the farthest to the nearest, by counting.
  function sort() {
    const shelves = new Uint32Array(1026);
    const shelf = (i) => clamp(((seen[3 * i + 2] - 0.7) * 1024) | 0, 0, 1023) + 1;
    for (let i = 0; i < n; i++) shelves[shelf(i) + 1]++;
    for (let s = 1; s < shelves.length; s++) shelves[s] += shelves[s - 1];
    for (let i = 0; i < n; i++) order[shelves[shelf(i)]++] = i;
  }

  function draw(context, width, height) {
    const { ink, muted, card } = inks(section);
    context.clearRect(0, 0, width, height);
    const project = projector(width, height);
    for (let i = 0; i < position.length; i += 3) project(position[i], position[i + 1], position[i + 2], seen, i);
    sort();
    frame(context, project, width, height, muted);
    const scale = Math.min(width, height) / 420;
    for (const i of order) {
      const side = clamp((9 * size[i]) / largest, 1.6, 9) * scale * seen[3 * i + 2] * Math.sqrt(view.zoom);
      context.fillStyle = fill[i];
      if (side < 4) {
        context.fillRect(seen[3 * i] - side / 2, seen[3 * i + 1] - side / 2, side, side);
      } else {
        context.beginPath();
        context.arc(seen[3 * i], seen[3 * i + 1], side / 2, 0, 2 * Math.PI);
        context.fill();
      }
    }
    context.strokeStyle = ink;
    context.lineWidth = scale;
    for (let i = firstCorner, ring = 0; i < rgb.length; i += data.corners, ring++) {
      context.globalAlpha = ring % 6 < 3 ? 0.75 : 0.35;
      context.beginPath();
      for (let corner = i; corner < i + data.corners; corner++) context.lineTo(seen[3 * corner], seen[3 * corner + 1]);
      context.closePath();
      context.stroke();
    }
    context.globalAlpha = 1;
    for (let i = firstCenter; i < firstCorner; i++) {
      context.beginPath();
      context.arc(seen[3 * i], seen[3 * i + 1], 6 * scale, 0, 2 * Math.PI);
      context.fillStyle = fill[i];
      context.fill();
      context.lineWidth = 4 * scale;
      context.strokeStyle = card;
      context.stroke();
      context.lineWidth = 2 * scale;
      context.strokeStyle = ink;
      context.stroke();
    }
  }

  function frame(context, project, width, height, color) {
    const { box, axes } = SPACES[space];
    const corner = (bits) => [0, 1, 2].map((d) => box[(bits >> d) & 1][d]);
    const at = ([x, y, z]) => {
      const seen = [];
      project(x, y, z, seen, 0);
      return seen.slice(0, 2);
    };
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = 1;
    context.globalAlpha = 0.5;
    context.beginPath();
    for (const [from, to] of EDGES) {
      context.moveTo(...at(corner(from)));
      context.lineTo(...at(corner(to)));
    }
    context.stroke();
    context.globalAlpha = 1;
    context.font = `${Math.max(12, Math.min(width, height) / 32)}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const [d, name] of axes.entries()) {
      const end = corner(1 << d);
      const beyond = end.map((value, i) => value * (i === d ? 1.14 : 1.04));
      context.fillText(name, ...at(beyond));
    }
  }

  // One frame for however much has changed since the last.
  let pending = false;
  function redraw() {
    if (pending) return;
    pending = true;
    requestAnimationFrame(paint);
  }

  function paint() {
    pending = false;
    const { clientWidth: width, clientHeight: height } = canvas;
    const ratio = devicePixelRatio;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw(context, width, height);
  }

  function turn(yaw, pitch) {
    view.yaw += yaw;
    view.pitch = clamp(view.pitch + pitch, -Math.PI / 2, Math.PI / 2);
    redraw();
  }

  function enlarge(factor) {
    view.zoom = clamp(view.zoom * factor, 0.5, 8);
    redraw();
  }

  function show(next) {
    if (next === space) return;
    const [from, to] = [position, places[next]];
    space = next;
    for (const button of buttons) button.setAttribute("aria-pressed", button.dataset.space === space);
    const milliseconds = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 500;
    const start = performance.now();
    requestAnimationFrame(function move(now) {
      if (space !== next) return;
      const done = milliseconds ? clamp((now - start) / milliseconds, 0, 1) : 1;
      const eased = done * done * (3 - 2 * done);
      position = done < 1 ? from.map((x, i) => x + (to[i] - x) * eased) : to;
      redraw();
      if (done < 1) requestAnimationFrame(move);
    });
  }

  function save() {
    const picture = document.createElement("canvas");
    [picture.width, picture.height] = [1600, 1333];
    const context = picture.getContext("2d");
    draw(context, picture.width, picture.height);
    context.globalCompositeOperation = "destination-over";
    context.fillStyle = inks(section).card;
    context.fillRect(0, 0, picture.width, picture.height);
    picture.toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${data.name}-${space}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
      say(`Saved ${link.download}`);
    });
    redraw();
  }

  dragged(canvas, (_, x, y) => turn(DRAG_STEP * x, DRAG_STEP * y));
  canvas.addEventListener("keydown", (event) => {
    const keys = {
      ArrowLeft: () => turn(-KEY_STEP, 0),
      ArrowRight: () => turn(KEY_STEP, 0),
      ArrowUp: () => turn(0, -KEY_STEP),
      ArrowDown: () => turn(0, KEY_STEP),
      "+": () => enlarge(1.2),
      "=": () => enlarge(1.2),
      "-": () => enlarge(1 / 1.2),
      0: () => {
        Object.assign(view, FIRST_VIEW);
        redraw();
      },
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    enlarge(event.deltaY < 0 ? 1.1 : 1 / 1.1);
  }, { passive: false });
  for (const button of buttons) button.addEventListener("click", () => show(button.dataset.space));
  section.querySelector(".save").addEventListener("click", save);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(redraw).observe(canvas);
  return paint;
}

// ---- The table ----

function sortable(table) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const order = new Intl.Collator("en", { numeric: true });
  const key = (row, column) => row.cells[column]?.dataset.value ?? "";
  const compare = {
    text: (column) => (a, b) => order.compare(a.cells[column].textContent, b.cells[column].textContent),
    number: (column) => (a, b) => key(a, column) - key(b, column),
  };
  for (const [column, head] of heads.entries()) {
    if (!head.dataset.sort) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const sorted = [...body.rows].sort(compare[head.dataset.sort](column));
      body.append(...(down ? sorted.reverse() : sorted));
    });
  }
}

// ---- Copying ----

let silence;
function say(text) {
  const said = document.getElementById("said");
  said.textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => { said.textContent = ""; }, 2000);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not every browser lets a page from the file system use the clipboard.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) return say("Cannot copy here");
  }
  say(text.length < 40 ? `Copied ${text}` : "Copied");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button.dataset.copy);
});

for (const table of document.querySelectorAll("table")) sortable(table);

// Pictures beyond the first few wait until somebody comes by, and plots do, or until all are printed.
const FEW = 8;
const waiting = new Map();
const paints = [];

function start(element) {
  const begin = waiting.get(element);
  waiting.delete(element);
  coming.unobserve(element);
  begin(element);
}

const coming = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting && waiting.has(target)) start(target);
}, { rootMargin: "400px" });

function wait(element, begin) {
  waiting.set(element, begin);
  coming.observe(element);
}

for (const [i, section] of document.querySelectorAll(".views").entries()) {
  if (i < FEW) comparison(section);
  else wait(section, comparison);
}
for (const canvas of document.querySelectorAll("canvas")) {
  wait(canvas, () => paints.push(plot(canvas.closest("section"))));
}

function paintAll(now) {
  printing = now;
  for (const paint of paints) paint();
}
addEventListener("beforeprint", () => {
  for (const element of [...waiting.keys()]) if (element.matches("canvas")) start(element);
  paintAll(true);
});
addEventListener("afterprint", () => paintAll(false));
