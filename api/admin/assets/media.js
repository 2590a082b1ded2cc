// Photos and videos: shown when asked for, enlarged, and kept in step with their
// processing.
(({ one, all, keys, hooks, part, refresh, current }) => {
  const pane = one("#pane"), lightbox = one("#lightbox");
  const veils = () => all("#pane details.veil");

  // The button for all says what it would do.
  function label() {
    const button = one('[data-do="veils"]');
    if (!button) return;
    const on = veils().length > 0 && veils().every((d) => d.open);
    button.children[0].hidden = on;
    button.children[1].hidden = !on;
  }

  function showAll() {
    const open = veils().some((d) => !d.open);
    veils().forEach((d) => { d.open = open; });
  }

  // next goes to the photo or video after the one that has the focus.
  function next() {
    const list = all("#pane .medium");
    if (!list.length) return;
    const at = list.findIndex((m) => m.contains(document.activeElement));
    const to = list[(at + 1) % list.length];
    (one("details.veil > summary", to) ?? to).focus({ preventScroll: true });
    to.scrollIntoView({ block: "nearest" });
  }

  // renew replaces what was processed meanwhile; all else stays as it is.
  async function renew() {
    const id = current(), text = await part(id).catch(() => "");
    if (id !== current()) return;
    const page = new DOMParser().parseFromString(text, "text/html");
    all(".medium[data-busy]", pane).forEach((old) => {
      const fresh = page.getElementById(old.id);
      if (!fresh || fresh.dataset.id !== old.dataset.id) return;
      if ("busy" in fresh.dataset) one("[data-doing]", old).replaceWith(one("[data-doing]", fresh));
      else if (!one(".turn[open]", old)) {
        const focused = old.contains(document.activeElement);
        old.replaceWith(fresh);
        if (focused) fresh.focus({ preventScroll: true });
      }
    });
    label();
  }
  setInterval(() => { if (!document.hidden && one("#pane [data-busy]")) renew(); }, 5000);

  // The lightbox goes through what is shown on the page, and nothing else.
  const shown = () => all("#pane .zoom").filter((a) => a.offsetParent);
  let link;
  function enlarge(a) {
    link = a;
    const small = one("img", a), img = document.createElement("img");
    img.alt = small.alt;
    img.width = a.dataset.width ?? small.getAttribute("width");
    img.height = a.dataset.height ?? small.getAttribute("height");
    img.src = a.href ?? small.src;
    one("img", lightbox)?.remove();
    lightbox.append(img);
    one("h2", lightbox).textContent = small.alt;
    if (!lightbox.open) lightbox.showModal();
  }

  lightbox?.addEventListener("keydown", (e) => {
    if (e.key !== "ArrowLeft" && e.key !== "ArrowRight") return;
    const list = shown(), forward = (e.key === "ArrowRight") === (document.documentElement.dir !== "rtl");
    const to = list[list.indexOf(link) + (forward ? 1 : -1)];
    if (to) enlarge(to);
  });

  // turn opens the form of one photo or video, which the queue comes without.
  async function turn(id) {
    await refresh();
    const details = one(`#${id} .turn`, pane);
    if (!details) return;
    details.open = true;
    one("summary", details).focus();
  }

  document.addEventListener("click", (e) => {
    if (e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
    const a = e.target.closest("#pane .zoom"), form = e.target.closest("#pane a.turn");
    if (a) { e.preventDefault(); enlarge(a); }
    if (form) { e.preventDefault(); turn(form.closest(".medium").id); }
    switch (e.target.closest("[data-do]")?.dataset.do) {
      case "veils": e.preventDefault(); showAll(); break;
      case "medium": next(); break;
    }
  });

  document.addEventListener("toggle", (e) => {
    if (!e.target.matches(".veil")) return;
    const video = one("video", e.target);
    // A browser loads posters of closed boxes too.
    if (video?.dataset.poster && e.target.open) video.poster = video.dataset.poster;
    if (!e.target.open) video?.pause();
    label();
  }, true);

  Object.assign(keys, { s: showAll, m: next });
  hooks.changed = renew;
  hooks.shown = () => {
    all('#pane button[data-do="medium"]').forEach((b) => { b.hidden = false; });
    label();
  };
  hooks.shown();
})(desk);
