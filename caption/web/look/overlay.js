// The one overlay on the photo: bright where the model looked, dim where it did not.
(() => {
  const DIM = [12, 7, 26, 0.74]; // red, green, blue and opacity where the weight is zero
  const BRIGHT = [255, 178, 56, 0.2]; // and where it is highest
  const SIDE = 96; // pixels of a map before the browser stretches it over the photo
  const { make } = glimpse;

  // Catmull-Rom, the bicubic of most programs.
  const cubic = (t) => [
    (-t + 2 * t * t - t * t * t) / 2,
    (2 - 5 * t * t + 3 * t * t * t) / 2,
    (t + 4 * t * t - 3 * t * t * t) / 2,
    (t * t * t - t * t) / 2,
  ];

  function stretched(values, size) {
    const at = (place) => values[Math.min(Math.max(place, 0), values.length - 1)];
    return Array.from({ length: size }, (_, pixel) => {
      const place = ((pixel + 0.5) * values.length) / size - 0.5;
      const left = Math.floor(place);
      return cubic(place - left).reduce((sum, w, i) => sum + w * at(left - 1 + i), 0);
    });
  }

  // Returns a picture of a grid of weights, to lay on a photo of any aspect.
  function heat(grid) {
    const peak = Math.max(...grid.flat(), Number.MIN_VALUE);
    const lines = grid.map((row) => stretched(row.map((weight) => weight / peak), SIDE));
    const columns = Array.from({ length: SIDE }, (_, x) =>
      stretched(lines.map((line) => line[x]), SIDE),
    );
    const picture = make("canvas", { width: SIDE, height: SIDE });
    const context = picture.getContext("2d");
    const pixels = context.createImageData(SIDE, SIDE);
    for (let y = 0; y < SIDE; y++)
      for (let x = 0; x < SIDE; x++) {
        const h = Math.min(Math.max(columns[x][y], 0), 1);
        const mixed = DIM.map((dim, i) => dim * (1 - h) + BRIGHT[i] * h);
        mixed[3] *= 255;
        pixels.data.set(mixed, 4 * (y * SIDE + x));
      }
    context.putImageData(pixels, 0, 0);
    return picture;
  }

  const frame = () => document.querySelector("#photo");
  const photo = () => document.querySelector("#photo img");

  // Draws the photo, and a map over it if there is one, as large as the canvas is.
  function paint(canvas, grid = null) {
    const image = photo();
    if (!image || !image.complete || !image.naturalWidth) return false;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    if (grid) context.drawImage(heat(grid), 0, 0, canvas.width, canvas.height);
    return true;
  }

  // Returns a canvas of the photo's aspect with a map, for what stands beside a text.
  function miniature(grid, longest) {
    const image = photo();
    const { naturalWidth: width = 1, naturalHeight: height = 1 } = image || {};
    const scale = longest / Math.max(width, height, 1);
    const size = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
    const canvas = make("canvas", { width: size[0], height: size[1], "aria-hidden": "true" });
    if (image && !paint(canvas, grid))
      image.addEventListener("load", () => paint(canvas, grid), { once: true });
    return canvas;
  }

  let layer = null;
  let pinned = null;
  let shown = null;

  function place() {
    const image = photo();
    if (!layer || !image) return;
    const [outer, inner] = [frame().getBoundingClientRect(), image.getBoundingClientRect()];
    // The picture inside its box, which may have another aspect.
    const scale = Math.min(
      inner.width / image.naturalWidth,
      inner.height / image.naturalHeight,
    );
    const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
    layer.style.left = `${inner.left - outer.left + (inner.width - width) / 2}px`;
    layer.style.top = `${inner.top - outer.top + (inner.height - height) / 2}px`;
    layer.style.width = `${width}px`;
    layer.style.height = `${height}px`;
  }

  function lay(map) {
    if (shown === map) return;
    shown = map;
    if (layer && !layer.isConnected) layer = null;
    if (!layer && map && frame()) {
      layer = make("div", { id: "overlay", "aria-hidden": "true" });
      frame().append(layer);
    }
    if (!layer) return;
    layer.classList.toggle("on", Boolean(map && photo()));
    if (!map || !photo()) return;
    layer.replaceChildren(heat(map.grid), make("span", {}, map.label));
    place();
  }

  // A map is shown while it is pointed at, and for good when it is pinned.
  const show = (map) => lay(map);
  const leave = () => lay(pinned);
  const isPinned = (map) => pinned === map;
  function pin(map) {
    pinned = isPinned(map) ? null : map;
    lay(pinned);
    document.dispatchEvent(new Event("glimpse:pinned"));
  }
  function reset() {
    pinned = null;
    lay(null);
    document.dispatchEvent(new Event("glimpse:pinned"));
  }

  // Gives a control the map that it shows when it is pointed at, focused or pressed.
  function points(control, map) {
    control.addEventListener("mouseenter", () => show(map));
    control.addEventListener("mouseleave", leave);
    control.addEventListener("focus", () => show(map));
    control.addEventListener("blur", leave);
    control.addEventListener("click", () => pin(map));
    control.setAttribute("aria-pressed", "false");
    document.addEventListener("glimpse:pinned", function follow() {
      if (!control.isConnected) document.removeEventListener("glimpse:pinned", follow);
      control.setAttribute("aria-pressed", String(isPinned(map)));
    });
    return control;
  }

  // One stop of the tab key for a row of controls, and arrows between them.
  function rove(row) {
    const all = () => [...row.querySelectorAll("button")];
    all().forEach((control, number) => (control.tabIndex = number ? -1 : 0));
    row.onkeydown = (event) => {
      const controls = all();
      const here = controls.indexOf(document.activeElement);
      const forward = getComputedStyle(row).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
      const backward = forward === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
      const next = {
        [forward]: here + 1,
        [backward]: here - 1,
        Home: 0,
        End: controls.length - 1,
      }[event.key];
      if (next === undefined || !controls[next]) return;
      event.preventDefault();
      controls.forEach((control, number) => (control.tabIndex = number === next ? 0 : -1));
      controls[next].focus();
    };
  }

  document.addEventListener("keydown", (event) => event.key === "Escape" && reset());
  new ResizeObserver(place).observe(document.documentElement);
  Object.assign(glimpse, { photo, paint, miniature, points, rove, reset });
})();
