// The moderators' keyboard.
((desk) => {
  const {
    one, all, help, keys, current, armed, rowOf, open, chosen, countChosen, step, form, reasons, compose, disarm, slot, decide,
    undo, claim, toast,
  } = desk;

  function toggle() {
    const r = rowOf(current());
    if (!r || !open(r)) return;
    const box = one("input", r);
    box.checked = !box.checked;
    countChosen();
  }

  function digit(n) {
    const box = one(`.decide [data-key="${n}"][name="reason"]`);
    if (!box) return;
    box.checked = !box.checked;
    one("[data-why]", form()).open = true;
    compose();
    if (armed() && box.checked) decide(armed());
  }

  function escape() {
    const menus = all("details.menu[open], details.bulk[open]");
    if (menus.length) { menus.forEach((m) => { m.open = false; one("summary", m).focus(); }); return; }
    const f = form();
    if (f && (armed() || one("[data-why]", f)?.open)) {
      disarm();
      reasons().forEach((b) => { b.checked = false; });
      compose();
      one("[data-why]", f).open = false;
      toast("");
    } else if (chosen().length) {
      chosen().forEach((r) => { one("input", r).checked = false; });
      countChosen();
    }
    const r = rowOf(current());
    if (r) one("a", r).focus({ preventScroll: true });
  }

  Object.assign(keys, {
    j: () => step(1), k: () => step(-1), u: undo, x: toggle, c: claim,
    a: () => slot("a") && decide(slot("a")), r: () => slot("r") && decide(slot("r")), e: () => slot("e") && decide(slot("e")),
    "/": () => one("#find")?.focus(), "?": () => help?.showModal(), Escape: escape,
  });
  const typing = (el) => el.isContentEditable || /^(TEXTAREA|SELECT)$/.test(el.tagName) ||
    (el.tagName === "INPUT" && !/^(checkbox|radio|button|submit)$/.test(el.type));

  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || one("dialog[open]")) return;
    const turn = e.key === "Escape" && e.target.closest?.("details.turn[open]");
    if (turn) { turn.open = false; one("summary", turn).focus(); return; }
    if (typing(e.target)) {
      if (e.key === "Escape") { e.target.blur(); escape(); }
      return;
    }
    const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
    if (/^[1-9]$/.test(key) && form()) { e.preventDefault(); if (!e.repeat) digit(key); return; }
    if (!Object.hasOwn(keys, key)) return;
    // A key held down must not decide about what nobody has looked at.
    if (e.repeat && key !== "j" && key !== "k") return;
    e.preventDefault();
    keys[key]();
  });
})(desk);
