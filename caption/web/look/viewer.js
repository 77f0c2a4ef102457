// One photo of the library, large, with its caption to be corrected.
(() => {
  const { make, percent } = glimpse;
  const { at, send, deed, direction, refresh } = glimpse.library;
  const drafts = new Map(); // what was typed and is not saved yet, by photo

  class Viewer {
    // `told` has what hears of a `changed` row, of a `similar` one that is sought, and of the
    // number of the photo that was shown last when it is `closed`.
    constructor(rows, number, told) {
      Object.assign(this, { rows, number, told });
      this.dialog = make("dialog", { class: "viewer" });
      this.dialog.addEventListener("cancel", (event) => {
        event.preventDefault();
        this.close();
      });
      this.dialog.addEventListener("close", () => {
        this.dialog.remove();
        told.closed(this.number);
      });
    }

    get row() {
      return this.rows[this.number];
    }

    open() {
      document.querySelector(".gradio-container").append(this.dialog);
      this.fill();
      this.dialog.showModal();
      this.text.focus();
    }

    fill() {
      const { row, rows, number } = this;
      this.mayLose = false;
      this.said = make("p", { class: "told", role: "status" });
      const manner = { dir: direction(row), lang: row.language };
      this.text = make("textarea", { id: "viewer-caption", rows: 3, ...manner });
      this.text.value = drafts.get(row.photo) ?? row.caption;
      this.text.addEventListener("input", () => (this.mayLose = false));
      this.dialog.setAttribute("aria-label", row.name);
      this.dialog.replaceChildren(
        make(
          "div",
          { class: "ways" },
          make("p", { class: "overline" }, row.name),
          way("Previous", number > 0, () => this.go(number - 1)),
          way("Next", number < rows.length - 1, () => this.go(number + 1)),
          way("Close", true, () => this.close()),
        ),
        picture(row),
        make("label", { class: "overline", for: "viewer-caption" }, "Caption"),
        this.text,
        make("div", { class: "deeds" }, ...this.deeds()),
        this.said,
        ...facts(row),
      );
      this.text.focus();
    }

    deeds() {
      const save = async () => {
        await this.save();
        this.fill();
        this.said.textContent = "Saved.";
      };
      const undo = async () => {
        await this.write(null);
        this.fill();
      };
      const similar = async () => {
        if (!(await this.leave())) return;
        this.dialog.close();
        this.told.similar(this.row);
      };
      return [
        deed("Save", this.said, save),
        wasCorrected(this.row) ? deed("Take the model's caption", this.said, undo) : null,
        deed("More like this", this.said, similar),
      ].filter(Boolean);
    }

    async save() {
      const caption = this.text.value;
      if (caption === this.row.caption) return;
      drafts.set(this.row.photo, caption);
      await this.write(caption);
    }

    async write(caption) {
      const { row } = await send(`photos/${this.row.photo}`, { caption }, "PUT");
      drafts.delete(row.photo);
      this.rows[this.number] = row;
      this.told.changed(row);
      refresh();
    }

    // Saves what was typed; where that fails, it is said and kept, and a second try goes on.
    async leave() {
      if (this.mayLose) return true;
      try {
        await this.save();
        return true;
      } catch (error) {
        this.said.textContent = `${error.message} What you typed is kept; go on without saving it?`;
        this.mayLose = true;
        return false;
      }
    }

    async go(number) {
      if (!(await this.leave())) return;
      this.number = number;
      this.fill();
    }

    async close() {
      if (await this.leave()) this.dialog.close();
    }
  }

  const wasCorrected = (row) => row.is_edited && row.generated;

  function way(label, isOpen, go) {
    const button = make("button", { type: "button", class: "quiet", disabled: !isOpen }, label);
    button.addEventListener("click", go);
    return button;
  }

  function picture(row) {
    if (row.problem) return make("p", { class: "misgiving" }, row.problem);
    return make("img", { src: at(`photos/${row.photo}/picture`), alt: row.caption });
  }

  function facts(row) {
    const sure = row.confidence === null ? "" : ` (${percent(row.confidence)} sure)`;
    return [
      wasCorrected(row) ? `The model wrote: ${row.generated}${sure}` : null,
      row.generated && !row.is_edited ? `Written by the model${sure}` : null,
      row.tags.length ? `Objects: ${row.tags.join(", ")}` : null,
    ]
      .filter(Boolean)
      .map((fact) => make("p", { class: "fact" }, fact));
  }

  glimpse.library.view = (rows, number, told) => new Viewer(rows, number, told).open();
})();
