// What belongs to no part: light and dark, and photos that are pasted or dropped anywhere.
(() => {
  const KEPT = "glimpse-theme";

  function themeSwitch(button) {
    const isDark = () => document.body.classList.contains("dark");
    const label = () => {
      button.textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
    };
    const kept = localStorage.getItem(KEPT);
    if (kept) document.body.classList.toggle("dark", kept === "dark");
    button.addEventListener("click", () => {
      document.body.classList.toggle("dark");
      localStorage.setItem(KEPT, isDark() ? "dark" : "light");
      label();
    });
    new MutationObserver(label).observe(document.body, { attributeFilter: ["class"] });
    label();
  }

  // Gives files to the photo as if they had been dropped on it.
  function hand(files) {
    const pictures = [...files].filter((file) => file.type.startsWith("image/"));
    const target = document.querySelector("#photo .upload-container, #photo button");
    if (!pictures.length || !target) return false;
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(pictures[0]);
    target.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    return true;
  }

  document.addEventListener("paste", (event) => {
    if (hand(event.clipboardData?.files || [])) event.preventDefault();
  });
  // Beside the photo too, or the browser would leave the page and open the file.
  const isElsewhere = (event) => !event.target.closest?.("#photo");
  document.addEventListener("dragover", (event) => {
    if (isElsewhere(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!isElsewhere(event) || !event.dataTransfer?.files.length) return;
    event.preventDefault();
    const chooser = event.target.closest?.("#many")?.querySelector("input[type=file]");
    if (!chooser) return hand(event.dataTransfer.files);
    // What is dropped where many photos are asked for is chosen there.
    chooser.files = event.dataTransfer.files;
    chooser.dispatchEvent(new Event("change", { bubbles: true }));
  });

  Object.assign(glimpse, { themeSwitch });
})();
