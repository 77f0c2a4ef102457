// The dialog about the photo: each answer with its rivals, and with where the model looked.
const { make, percent, draw, points, reset, miniature } = glimpse;
const MINIATURE = 300;

draw(element, props, watch, (part, exchanges) => {
  reset();
  if (!exchanges.length) {
    part.replaceChildren(
      make("p", { class: "blank" }, "Ask about the photo. What was said before is kept in mind."),
    );
    return;
  }
  const { question, answer } = exchanges[exchanges.length - 1];
  part.replaceChildren(
    make("p", { class: "unseen", role: "status" }, `${question} ${answer}`),
    make(
      "ol",
      { class: "dialog", "aria-label": "Questions and answers" },
      ...exchanges.map(exchange),
    ),
  );
  const newest = part.querySelector(".dialog > :last-child");
  newest.scrollIntoView({ block: "nearest" });
  // What it looked at last stays on the photo until something else is pointed at.
  newest.querySelector(".glimpse:last-child")?.click();
});

function exchange({ question, answer, sureness, top, doubts, grids }) {
  const bars = top.map(([text, share]) =>
    make(
      "li",
      { style: `--share: ${(100 * share).toFixed(2)}%` },
      make("span", {}, text),
      make("span", {}, percent(share)),
    ),
  );
  return make(
    "li",
    {},
    make("p", { class: "asked" }, question),
    make(
      "div",
      { class: "answered" },
      make(
        "div",
        {},
        make("p", { class: "answer" }, `${answer} `, make("small", {}, `${percent(sureness)} sure`)),
        ...doubts.map((doubt) => make("p", { class: "misgiving" }, doubt)),
        make("ol", { class: "bars", "aria-label": "The likeliest answers" }, ...bars),
      ),
      make(
        "div",
        { class: "glimpses", role: "group", "aria-label": "Where it looked" },
        ...grids.map((grid, number) => look(grid, number, grids.length, answer)),
      ),
    ),
  );
}

function look(grid, number, count, answer) {
  const name = count > 1 ? `look ${number + 1} of ${count}` : "where it looked";
  const button = make(
    "button",
    { type: "button", class: "glimpse", "aria-label": `Show on the photo: ${name} for “${answer}”` },
    miniature(grid, MINIATURE),
    make("span", {}, name),
  );
  return points(button, { grid, label: `${answer}  ·  ${name}` });
}
