// What every part of the page is made with. Text is always written as text, never as markup.
window.glimpse = (() => {
  function make(tag, properties = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "class") node.className = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name === "style") node.style.cssText = value;
      else if (value !== null && value !== undefined && value !== false)
        node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.filter((child) => child !== null));
    return node;
  }

  const percent = (share) =>
    share < 0.0995 ? `${(100 * share).toFixed(1)}%` : `${Math.round(100 * share)}%`;

  // Draws a part now and whenever its value changes.
  function draw(element, props, watch, fill) {
    const part = element.querySelector(".part");
    const again = () => fill(part, props.value);
    watch("value", again);
    again();
  }

  function download(name, content, type) {
    const blob = content instanceof Blob ? content : new Blob([content], { type });
    const address = URL.createObjectURL(blob);
    make("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Only pages of this machine or with TLS have a clipboard; others must select and copy.
    const box = make("textarea", { class: "unseen" });
    box.value = text;
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }

  // Says on a button that it has done its work.
  function acknowledge(button, words) {
    const usual = button.textContent;
    if (button.dataset.busy) return;
    button.dataset.busy = "yes";
    button.textContent = words;
    setTimeout(() => {
      button.textContent = usual;
      delete button.dataset.busy;
    }, 1500);
  }

  const escaped = (text) =>
    text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

  return { make, percent, draw, download, copy, acknowledge, escaped };
})();
