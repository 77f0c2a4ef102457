// The caption: word by word, as sure as it is, and on the photo where the model looked for each.
const { make, percent, draw, points, rove, reset, paint, miniature } = glimpse;
const { photo, download, copy, acknowledge, escaped } = glimpse;
const MINIATURE = 220;
const SURE = 0.7;
const UNSURE = 0.4;
let told = "";

draw(element, props, watch, (part, card) => {
  reset();
  if (!card.captions.length) {
    told = "";
    part.replaceChildren(
      make(
        "p",
        { class: "blank" },
        "Give it a photo. It says what it sees, and shows on the photo where it looked for ",
        "every word.",
      ),
    );
    return;
  }
  pick(part, card, 0);
});

function pick(part, card, chosen) {
  const caption = card.captions[chosen];
  const isNew = caption.text !== told;
  told = caption.text;
  reset();
  const parts = [
    make("p", { class: "overline" }, title(caption)),
    sentence(caption, isNew),
    make("p", { class: "unseen", role: "status" }, caption.text),
    legend(caption),
    caption.doubt && doubt(caption),
    deeds(card, caption),
    card.captions.length > 1 && others(part, card, chosen),
    everyMap(caption),
  ];
  part.replaceChildren(...parts.filter(Boolean));
}

function title({ title, confidence }) {
  return confidence === null ? title : `${title} · ${percent(confidence)} sure`;
}

function sentence(caption, isNew) {
  const words = caption.words.flatMap((word, number) => {
    const { text, probability, source } = word;
    const sureness = `${percent(probability)} sure`;
    const label = [text, sureness, source && `from ${source}`].filter(Boolean).join(", ");
    const button = make(
      "button",
      {
        type: "button",
        class: `word ${probability < UNSURE ? "unsure" : probability < SURE ? "fair" : "sure"}`,
        "aria-label": label,
        style: `--sure: ${percent(probability)}; --turn: ${isNew ? number : 0}`,
      },
      text,
    );
    const tag = [text, percent(probability), source && `from “${source}”`];
    const map = word.grid && { grid: word.grid, label: tag.filter(Boolean).join("  ·  ") };
    return [word.before, map ? points(button, map) : button];
  });
  const row = make(
    "div",
    {
      class: isNew ? "sentence arriving" : "sentence",
      role: "group",
      "aria-label": "The caption, word by word",
      lang: caption.language,
      dir: caption.is_right_to_left ? "rtl" : "ltr",
    },
    ...words,
  );
  rove(row);
  return row;
}

function legend(caption) {
  const looks = caption.words.some((word) => word.grid);
  return make(
    "p",
    { class: "legend" },
    make("span", { class: "scale", "aria-hidden": "true" }),
    "unsure to sure",
    looks ? " · point at a word, or use the arrow keys, to see where it looked" : "",
  );
}

function doubt(caption) {
  return make(
    "div",
    { class: "doubt", role: "note" },
    make("strong", {}, caption.doubt),
    make(
      "p",
      {},
      "Pick another sentence, or say below what the photo shows. It gets better at photos like " +
        "yours by learning from some of them: ",
      make("code", {}, "glimpse finetune captions --data mine --output runs/mine"),
    ),
  );
}

function others(part, card, chosen) {
  const choices = card.captions.map((caption, number) =>
    make(
      "button",
      {
        type: "button",
        class: "choice",
        "aria-pressed": String(number === chosen),
        lang: caption.language,
        dir: caption.is_right_to_left ? "rtl" : "ltr",
        onclick: () => {
          pick(part, card, number);
          part.querySelectorAll(".choice")[number].focus();
        },
      },
      ...(card.is_of_languages ? [make("small", {}, caption.name), " "] : []),
      caption.text,
    ),
  );
  const heading = card.is_of_languages ? "In each language" : "Other ways to say it";
  return make(
    "div",
    { class: "choices", role: "group", "aria-label": "Sentences to pick" },
    make("p", { class: "overline" }, heading),
    ...choices,
  );
}

function everyMap(caption) {
  const box = make("div", { class: "maps" });
  const all = make(
    "details",
    { class: "every-map" },
    make("summary", {}, "Every word's map, side by side"),
    make("p", {}, caption.hint),
    box,
  );
  // A second view, drawn only for those who want it.
  all.addEventListener("toggle", () => {
    if (!all.open || box.childElementCount) return;
    for (const { text, probability, grid } of caption.words)
      if (grid)
        box.append(
          make(
            "figure",
            {},
            miniature(grid, MINIATURE),
            make("figcaption", {}, `${text} `, make("small", {}, percent(probability))),
          ),
        );
  });
  return all;
}

function deeds(card, caption) {
  const deed = (label, act) => {
    const button = make("button", { type: "button", class: "quiet" }, label);
    button.addEventListener("click", () => act(button));
    return button;
  };
  return make(
    "div",
    { class: "deeds", role: "group", "aria-label": "Take it along" },
    deed("Copy", (button) => copy(caption.text).then(() => acknowledge(button, "Copied"))),
    deed("Picture", () => picture(caption)),
    deed("JSON", () => download(`${stem()}.json`, json(card, caption), "application/json")),
    deed("Alt text", () => download(`${stem()}.html`, altText(caption), "text/html")),
  );
}

const fileName = () => decodeURIComponent((photo()?.src || "photo").split("/").pop());
const stem = () => fileName().replace(/\.[^.]*$/, "") || "photo";

function json(card, caption) {
  const { language, confidence } = caption;
  const words = caption.words.map(({ text, probability, source, grid }) => ({
    word: text,
    probability,
    recognised: source,
    attention: grid,
  }));
  const content = { file: fileName(), caption: caption.text, language, model: card.model };
  if (confidence !== null) content.confidence = confidence;
  const others = card.captions.filter((other) => other !== caption);
  const rest = card.is_of_languages
    ? { also: others.map(({ text, language }) => ({ caption: text, language })) }
    : { alternatives: others.map(({ text }) => text) };
  return JSON.stringify({ ...content, words, ...rest }, null, 2);
}

function altText(caption) {
  const [name, language, text] = [fileName(), caption.language, caption.text].map(escaped);
  return `<img src="${name}" alt="${text}" lang="${language}">\n`;
}

// The photo with its caption under it, as a museum would hang it.
function picture(caption) {
  const image = photo();
  if (!image) return;
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  const size = Math.max(16, Math.round(width / 26));
  const font = `${size}px ui-serif, Georgia, serif`;
  const ruler = make("canvas").getContext("2d");
  ruler.font = font;
  const lines = [""];
  for (const piece of caption.words.map(({ before, text }) => before + text)) {
    const longer = lines[lines.length - 1] + piece;
    if (ruler.measureText(longer).width < width - 2 * size) lines[lines.length - 1] = longer;
    else lines.push(piece.trimStart());
  }
  const margin = size * (1.4 * lines.length + 1);
  const canvas = make("canvas", { width, height: Math.round(height + margin) });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fbf8f3";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0);
  context.fillStyle = "#231b26";
  context.font = font;
  context.textAlign = "center";
  lines.forEach((line, number) =>
    context.fillText(line, width / 2, height + size * (1.4 * (number + 1) + 0.2)),
  );
  canvas.toBlob((blob) => download(`${stem()}-captioned.jpg`, blob), "image/jpeg", 0.92);
}
