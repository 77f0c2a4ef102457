// Questions to ask by a click, made for this photo.
const { make, draw } = glimpse;

draw(element, props, watch, (part, questions) =>
  part.replaceChildren(
    make(
      "div",
      { class: "chips", role: "group", "aria-label": "Questions to ask" },
      ...questions.map((text) =>
        make(
          "button",
          { type: "button", class: "quiet", onclick: () => trigger("select", { text }) },
          text,
        ),
      ),
    ),
  ),
);
