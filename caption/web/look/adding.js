// How photos come into the library, and how far it is with them.
const { make, draw } = glimpse;
const { ask, attempt, deed, hear, plural, send, tell } = glimpse.library;

draw(element, props, watch, (part) => {
  const said = make("p", { class: "told", role: "status" });
  const progress = make("progress", { "aria-label": "How far it is" });
  const stop = deed("Stop", said, async () => tell(await send("stop")));
  const running = make("div", { class: "running" }, progress, stop);
  const holdings = make("p", { class: "fact" });
  const everything = deed("Caption all again", said, () => look(true));
  const naming = folderField((path) =>
    attempt(said, async () => tell(await send("folders", { path, ...wanted() }))),
  );
  const language = make("select", { id: "library-language" });
  const choosing = make(
    "div",
    { class: "field" },
    make("label", { class: "overline", for: language.id }, "Captions of what is new"),
    language,
  );
  const box = make(
    "details",
    { class: "adding" },
    make("summary", {}, "Add photos"),
    naming,
    choosing,
    fileField(take),
    make(
      "div",
      { class: "deeds" },
      deed("Look for new photos", said, () => look(false)),
      everything,
    ),
  );
  let isWaiting = false; // what was dropped, for what is running to be done
  let isFirst = true;

  // Only who owns the library chooses.
  const wanted = () => (choosing.hidden ? {} : { language: language.value });
  const look = async (again) => tell(await send("look", { again, ...wanted() }));

  async function take(files) {
    const taken = await dropped(files, (words) => (said.textContent = words));
    said.textContent = [`${plural(taken.pictures, "photo")} taken in`, ...taken.problems].join(". ");
    if (!taken.pictures) return;
    isWaiting = true;
    tell(await ask("state"));
  }

  function showJob(job, isOver) {
    running.hidden = !job.is_running;
    if (job.total) [progress.max, progress.value] = [job.total, job.done];
    else progress.removeAttribute("value");
    if (job.is_running) said.textContent = inWords(job);
    else if (isOver) said.textContent = job.said;
  }

  part.replaceChildren(running, said, box, holdings);
  takeDrops(element, take);
  hear(({ job, counts, folders, is_own, problem, ...told }, isOver) => {
    naming.hidden = everything.hidden = !is_own;
    choosing.hidden = !is_own || told.languages.length < 2;
    if (isFirst || isOver) offer(language, told);
    showJob(job, isOver);
    if (problem) said.textContent = problem;
    holdings.textContent = counts ? held(counts, folders) : "";
    holdings.title = folders.join("\n"); // whole: the line has the last part of each
    if (isFirst || (isOver && !job.has_failed)) box.open = !counts?.num_photos;
    isFirst = false;
    if (isWaiting && !job.is_running) {
      isWaiting = false;
      attempt(said, () => look(false));
    }
  });
});

function offer(select, { languages, language }) {
  const options = languages.map(([value, name]) => make("option", { value, lang: value }, name));
  select.replaceChildren(...options);
  select.value = language;
}

function folderField(add) {
  const path = make("input", { type: "text", id: "library-folder", placeholder: "~/Pictures" });
  const name = make("label", { class: "overline", for: path.id }, "A folder of this machine");
  const submit = (event) => {
    event.preventDefault();
    add(path.value);
  };
  return make(
    "form",
    { class: "seeking", hidden: true, onsubmit: submit },
    make("div", { class: "field" }, name, path),
    make("button", { type: "submit", class: "quiet" }, "Add folder"),
  );
}

function fileField(take) {
  const kinds = { multiple: true, accept: "image/*,.zip" };
  const files = make("input", { type: "file", id: "library-files", ...kinds });
  files.addEventListener("change", () => {
    const chosen = [...files.files];
    files.value = "";
    take(chosen);
  });
  const name = make("label", { class: "overline", for: files.id }, "Or drop photos or a zip here");
  return make("div", { class: "field dropping" }, name, files);
}

// Takes what is dropped anywhere while the part is seen, which else would be a photo to describe.
function takeDrops(element, take) {
  const drop = (event) => {
    const isSeen = element.isConnected && element.offsetParent !== null;
    if (!isSeen || !event.dataTransfer?.files.length) return;
    event.preventDefault();
    event.stopPropagation();
    take([...event.dataTransfer.files]);
  };
  document.addEventListener("drop", drop, true);
}

async function dropped(files, say) {
  const taken = { pictures: 0, problems: [] };
  for (const [number, file] of files.entries()) {
    say(`Taking in ${number + 1} of ${files.length}`);
    try {
      const path = `dropped?name=${encodeURIComponent(file.name)}`;
      taken.pictures += (await ask(path, { method: "POST", body: file })).pictures;
    } catch (error) {
      if (!taken.problems.includes(error.message)) taken.problems.push(error.message);
    }
  }
  return taken;
}

function inWords({ said, done, total, seconds_left }) {
  const count = total ? ` ${done} of ${total}` : "";
  if (seconds_left === null) return `${said}${count}`;
  const left = seconds_left < 60 ? "less than a minute" : `${Math.round(seconds_left / 60)} min`;
  return `${said}${count}, ${left} left`;
}

function held(counts, folders) {
  const names = folders.map((path) => path.split(/[\\/]/).pop());
  const parts = [
    plural(counts.num_photos, "photo"),
    `${counts.num_edited} corrected`,
    counts.num_broken ? `${counts.num_broken} cannot be read` : null,
    counts.num_missing ? `${counts.num_missing} gone` : null,
  ];
  return `${parts.filter(Boolean).join(", ")}; from ${names.join(", ")}`;
}
