// The photos of the library: searched while one types, and shown as a grid.
const { make, percent, draw, photo } = glimpse;
const { at, ask, attempt, deed, hear, plural, send, thumbnail, view, direction } = glimpse.library;
const KINDS = {
  found: "All that are found",
  edited: "Corrected by people",
  broken: "Cannot be read",
  missing: "Files that are gone",
  duplicates: "Same picture twice",
};

draw(element, props, watch, (part) => {
  const said = make("p", { class: "told", role: "status" });
  const grid = make("ul", { class: "prints", "aria-label": "Photos" });
  const more = make("button", { type: "button", class: "quiet", hidden: true }, "Show more");
  const [text, kind] = [seeking(), choosing()];
  let rows = [];
  let turn = 0;

  // Shows what was asked for, unless something else was asked for meanwhile.
  async function show(told, words, { isMore = false } = {}) {
    const mine = ++turn;
    await attempt(said, async () => {
      const found = await told();
      if (mine !== turn) return said.textContent;
      rows = isMore ? [...rows, ...found.rows] : found.rows;
      grid.replaceChildren(...rows.map(shown));
      more.hidden = rows.length >= found.total;
      return words(found.total);
    });
  }

  function search({ isMore = false } = {}) {
    const offset = isMore ? rows.length : 0;
    const asked = new URLSearchParams({ text: text.value, kind: kind.value, offset });
    text.disabled = kind.value !== "found";
    const words = (total) => (total ? plural(total, "photo") : "No photos here.");
    return show(() => ask(`photos?${asked}`), words, { isMore });
  }

  function shown(row, number) {
    return make("li", {}, print(row, () => view(rows, number, { changed, similar, closed })));
  }

  function changed(row) {
    const number = rows.findIndex((each) => each.photo === row.photo);
    if (number < 0) return;
    rows[number] = row;
    grid.children[number].replaceWith(shown(row, number));
  }

  const closed = (number) => grid.children[number]?.querySelector("button").focus();

  function similar(row) {
    const words = (total) => `${plural(total, "photo")} most like ${row.name}`;
    return show(() => ask(`photos/${row.photo}/similar`), words);
  }

  async function like() {
    const given = photo();
    if (!given) return "Give a photo under Describe first; here you see those like it.";
    const body = await (await fetch(given.src)).blob();
    const words = (total) => `${plural(total, "photo")} most like the one under Describe`;
    await show(() => ask("like", { method: "POST", body }), words);
    return said.textContent;
  }

  text.addEventListener("input", () => search());
  kind.addEventListener("change", () => search());
  more.addEventListener("click", () => search({ isMore: true }));
  const fields = [field("Search your photos", text), field("Show", kind)];
  const controls = make("div", { class: "seeking" }, ...fields, deed("Like my photo", said, like));
  part.replaceChildren(controls, said, grid, more, exports());
  let isFirst = true;
  hear((state, isOver) => {
    part.querySelector(".exports").hidden = !state.counts?.num_captioned;
    part.querySelector("#sidecars").hidden = !state.is_own;
    if (isFirst || isOver) search();
    isFirst = false;
  });
});

function seeking() {
  return make("input", {
    type: "search",
    id: "library-text",
    placeholder: 'dog "on the beach" -people',
    autocomplete: "off",
    maxlength: 1000,
  });
}

function choosing() {
  const choices = Object.entries(KINDS).map(([value, label]) => make("option", { value }, label));
  return make("select", { id: "library-kind" }, ...choices);
}

function field(label, control) {
  const name = make("label", { class: "overline", for: control.id }, label);
  return make("div", { class: "field" }, name, control);
}

function print(row, open) {
  const sure = row.confidence === null ? "" : `${percent(row.confidence)} sure`;
  return make(
    "button",
    { type: "button", class: "print", onclick: open },
    row.problem
      ? make("span", { class: "no-picture" }, row.name)
      : make("img", { src: thumbnail(row), alt: "", loading: "lazy" }),
    make(
      "span",
      { class: "print-caption", dir: direction(row), lang: row.language },
      row.caption || row.name,
    ),
    make("small", {}, row.problem || (row.is_edited ? "corrected" : sure)),
  );
}

function exports() {
  const said = make("p", { class: "told", role: "status" });
  const forms = { jsonl: "JSONL", csv: "CSV", json: "COCO" };
  const links = Object.entries(forms).map(([form, label]) => {
    const href = at(`export?form=${form}`);
    return make("a", { class: "quiet", href, download: `captions.${form}` }, label);
  });
  const sidecars = async () => (await send("sidecars")).said;
  const beside = deed("XMP beside the photos", said, sidecars, { id: "sidecars" });
  return make(
    "details",
    { class: "exports" },
    make("summary", {}, "Take the captions along"),
    make("div", { class: "deeds" }, ...links, beside),
    said,
  );
}
