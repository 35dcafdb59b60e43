// Runs before the first paint: the chosen theme, else the system's; density likewise.
(() => {
  const saved = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const wish = saved("fp.theme") ?? "system";
  const dark = wish === "dark" || (wish === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
  document.documentElement.dataset.density = saved("fp.density") ?? "normal";
})();
