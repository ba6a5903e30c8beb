// Before anything is painted: the theme that the reader chose last, or the system's.
try {
  const theme = localStorage.getItem("mintage-report-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // A page that is opened from a file may have no storage: the system's theme then.
}
