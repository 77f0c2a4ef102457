// What the parts of the library share: how they ask for it, and how they hear of each other.
(() => {
  const { make } = glimpse;
  const POLL = 700; // milliseconds, while something is running
  // Behind a proxy the page may be below a path.
  const root = new URL(window.gradio_config?.root || ".", location.href).pathname;
  const base = `${root.replace(/\/?$/, "/")}library/`;
  let state = null;
  let timer = null;

  const at = (path) => base + path;

  async function ask(path, options = {}) {
    let answer;
    try {
      answer = await fetch(at(path), options);
    } catch {
      throw new Error("The page cannot reach Glimpse; is it still running?");
    }
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok || told.problem)
      throw new Error(told.problem || `Glimpse answered with ${answer.status}.`);
    return told;
  }

  const send = (path, values = {}, method = "POST") =>
    ask(path, {
      method,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(values),
    });

  // Tells every part how the library is now, and again as long as something is running.
  function tell(told) {
    const wasRunning = state?.job.is_running;
    state = told;
    clearTimeout(timer);
    if (told.job.is_running) timer = setTimeout(refresh, POLL);
    const isOver = Boolean(wasRunning) && !told.job.is_running;
    document.dispatchEvent(new CustomEvent("glimpse:library", { detail: { state, isOver } }));
  }

  async function refresh() {
    try {
      tell(await ask("state"));
    } catch {
      if (state?.job.is_running) timer = setTimeout(refresh, POLL);
    }
  }

  // Calls a part now, if it is known how the library is, and whenever that changes.
  function hear(call) {
    document.addEventListener("glimpse:library", ({ detail }) => call(detail.state, detail.isOver));
    if (state) call(state, false);
    else refresh();
  }

  // A button for a deed that may fail, which is said in a place beside it.
  function deed(label, place, act, properties = {}) {
    const button = make("button", { type: "button", class: "quiet", ...properties }, label);
    button.addEventListener("click", () => attempt(place, act, button));
    return button;
  }

  async function attempt(place, act, button = null) {
    place.textContent = "";
    if (button) button.disabled = true;
    try {
      const said = await act();
      if (typeof said === "string") place.textContent = said;
    } catch (error) {
      place.textContent = error.message;
    }
    if (button) button.disabled = false;
  }

  const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
  const thumbnail = (row) => at(`photos/${row.photo}/thumbnail`);
  const direction = (row) => (row.is_right_to_left ? "rtl" : "auto");

  glimpse.library = { at, ask, send, tell, refresh, hear, deed, attempt, plural, thumbnail, direction };
})();
