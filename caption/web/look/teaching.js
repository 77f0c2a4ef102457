// What people corrected is learnt, and the captions before and after are shown.
const { make, draw } = glimpse;
const { deed, hear, plural, send, tell } = glimpse.library;

draw(element, props, watch, (part) => {
  let shown = "";
  hear(({ job, counts, teaching }) => {
    const edited = counts?.num_edited ?? 0;
    // Drawn anew only for what is new, or the focus would be lost again and again.
    const drawn = JSON.stringify([edited, job.is_running, teaching]);
    if (drawn === shown) return;
    shown = drawn;
    part.replaceChildren(
      ...(teaching.is_possible && edited ? offer(edited, job, teaching) : []),
      ...(teaching.lesson ? outcome(teaching.lesson) : []),
    );
  });
});

function offer(edited, job, { enough }) {
  const said = make("p", { class: "told", role: "status" });
  if (edited < enough) {
    const left = `${plural(edited, "caption")} corrected; from ${enough} on it can learn them.`;
    return [make("p", { class: "fact" }, left)];
  }
  const learn = deed("Learn my captions", said, async () => tell(await send("learn")), {
    disabled: job.is_running,
  });
  const words = `You have corrected ${edited} captions. It can learn to write like you.`;
  return [make("p", {}, words), make("div", { class: "deeds" }, learn), said];
}

function outcome(lesson) {
  const said = make("p", { class: "told", role: "status" });
  const signed = (number) => `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(2)}`;
  const scores =
    `On ${lesson.num_held_out} of your photos that it did not learn from, CIDEr-D is ` +
    `${lesson.before.toFixed(2)} before and ${lesson.after.toFixed(2)} after; the difference lies ` +
    `between ${signed(lesson.low)} and ${signed(lesson.high)} (95 %).`;
  const use = async () => {
    tell(await send("use"));
    return "";
  };
  return [
    make("h2", { class: "overline" }, "Before and after"),
    make("ul", { class: "compared" }, ...lesson.photos.map(compared)),
    make("p", { class: "fact" }, scores),
    lesson.is_used
      ? make("p", {}, `The page writes with ${lesson.name} now. `, reload(), again(said))
      : make("div", { class: "deeds" }, deed("Use the new model", said, use)),
    said,
  ];
}

function reload() {
  const act = () => location.reload();
  return make("button", { type: "button", class: "quiet", onclick: act }, "Try it");
}

function again(said) {
  const act = async () => tell(await send("look", { again: true }));
  return deed("Caption all again with it", said, act);
}

function compared({ picture, wanted, before, after }) {
  const line = (label, text) => [make("dt", {}, label), make("dd", { dir: "auto" }, text)];
  const lines = [["You", wanted], ["Before", before], ["After", after]];
  return make(
    "li",
    {},
    make("img", { src: `data:image/jpeg;base64,${picture}`, alt: "" }),
    make("dl", {}, ...lines.flatMap(([label, text]) => line(label, text))),
  );
}
