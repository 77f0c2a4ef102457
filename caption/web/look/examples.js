// Photos to begin with, each with whether the model gets it right.
const { make, draw } = glimpse;

draw(element, props, watch, (part, examples) => {
  const judgement = { true: "gets it right", false: "gets it wrong", null: "" };
  const buttons = examples.map(({ name, picture, is_right }) =>
    make(
      "button",
      { type: "button", class: "example", onclick: () => trigger("select", { name }) },
      make("img", { src: `data:image/jpeg;base64,${picture}`, alt: "" }),
      make(
        "span",
        {},
        make("strong", {}, name),
        is_right === null
          ? null
          : make("small", { class: is_right ? "right" : "wrong" }, judgement[is_right]),
      ),
    ),
  );
  part.replaceChildren(
    make("p", { class: "overline", id: "examples-title" }, "Or begin with one of these"),
    make("div", { class: "examples", role: "group", "aria-labelledby": "examples-title" }, ...buttons),
  );
});
