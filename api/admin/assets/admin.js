// The list that keeps its place, the item beside it, and decisions. Every action
// here is also a plain form; without this file the view still works. The others
// follow it in one file: keys.js, live.js, and media.js for photos and videos.
"use strict";
const desk = (() => {
  const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
  const home = meta("home"), csrf = meta("csrf"), words = JSON.parse(meta("texts") || "{}");
  const say = (key, values = {}) => Object.entries(values).reduce((s, [k, v]) => s.replace(`{${k}}`, v), words[key] ?? key);
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const pane = one("#pane"), rows = one("#rows"), toastBox = one("#toast"), help = one("#help");

  // current is the chosen item; loading its content under way; busy a decision.
  let current = one(".case")?.dataset.id ?? "";
  let loading = Promise.resolve(), busy = false, armed = null, composed = "";
  const undone = []; // decisions of this page, the last one last

  let toastTimer;
  function toast(text) {
    toastBox.textContent = text;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { toastBox.textContent = ""; }, 6000);
  }

  // hooks are called when an item has changed or is shown; media.js sets them.
  const hooks = { changed: () => {}, shown: () => {} };

  async function post(path, pairs) {
    let answer;
    try {
      answer = await fetch(home + path, {
        method: "POST", body: new URLSearchParams(pairs), credentials: "same-origin",
        headers: { Accept: "application/json", "X-CSRF-Token": csrf },
      });
    } catch {
      toast(say("offline"));
      return null;
    }
    if (answer.status === 401) { toast(say("signedOut")); return null; }
    const body = await answer.json().catch(() => null);
    if (!body) { toast(say("failed")); return null; }
    return body;
  }

  // The list. Nothing in it ever moves: what is decided turns grey.
  const list = () => (rows ? all(".item", rows) : []);
  const rowOf = (id) => list().find((r) => r.dataset.id === id);
  const open = (r) => !r.classList.contains("done");
  const chosen = () => list().filter((r) => open(r) && one("input", r).checked);

  function mark(id, text, rev, done) {
    const r = rowOf(id);
    if (!r) return;
    r.classList.toggle("done", done);
    one("[data-status]", r).textContent = text;
    const box = one("input", r);
    if (done) box.checked = false;
    box.disabled = done;
    if (rev) { r.dataset.rev = rev; box.value = `${id}.${rev}`; }
    countChosen();
  }

  function countChosen() {
    const label = one("#chosen");
    if (!label) return;
    label.dataset.title ??= label.textContent;
    const n = chosen().length;
    label.textContent = n ? say("selected", { n }) : label.dataset.title;
  }

  function select(r, focus) {
    if (!r) return;
    list().forEach((o) => {
      o.classList.toggle("current", o === r);
      const a = one("a", o);
      if (o === r) a.setAttribute("aria-current", "true"); else a.removeAttribute("aria-current");
    });
    current = r.dataset.id;
    if (focus) one("a", r).focus({ preventScroll: true });
    r.scrollIntoView({ block: "nearest" });
    const url = new URL(location.href);
    url.searchParams.set("item", current);
    url.searchParams.delete("said");
    history.replaceState(null, "", url);
    show(current);
  }

  // show puts one item into the pane. Only the last one asked for arrives.
  function show(id) {
    if (!pane) return;
    pane.classList.add("loading");
    disarm();
    loading = (async () => {
      let text;
      try {
        text = await part(id);
      } catch {
        toast(say("offline"));
        return;
      } finally {
        if (id === current) pane.classList.remove("loading");
      }
      if (id !== current) return;
      pane.innerHTML = text; // rendered and escaped by our own server
      composed = "";
      const shown = one(".case", pane), r = rowOf(id);
      if (shown && r && open(r)) { r.dataset.rev = shown.dataset.rev; one("input", r).value = `${id}.${shown.dataset.rev}`; }
      const back = one('.decide [name="next"]');
      if (back && rows) back.value = location.pathname + location.search;
      hooks.shown();
    })();
    return loading;
  }

  const part = (id) => fetch(`${home}/items/${encodeURIComponent(id)}?part=1`, { credentials: "same-origin" }).then((a) => a.text());

  // typed are the fields of the pane by name, without those of a form.
  const typed = (but) => all("textarea, select, [type=checkbox]", pane).filter((f) => f.form !== but)
    .map((f) => [[f.form.action, f.name, f.type === "checkbox" && f.value].join(" "), f]);

  // refresh shows the item anew, after a form was sent beside the decision. What
  // is typed elsewhere, what is open and the place stay.
  async function refresh(sent) {
    const id = current, at = document.activeElement?.closest?.("#pane [id]")?.id, top = one(".scroll", pane)?.scrollTop, was = composed;
    const kept = new Map(typed(sent).map(([name, f]) => [name, f.type === "checkbox" ? f.checked : f.value]));
    const opened = all("details[open]", pane).filter((d) => !sent || !d.contains(sent)).map((d) => [d.closest("[id]")?.id, d.classList[0]]);
    await show(id);
    if (id !== current) return;
    const restore = () => typed().forEach(([name, f]) => {
      if (kept.has(name)) f[f.type === "checkbox" ? "checked" : "value"] = kept.get(name);
    });
    restore();
    compose();
    restore();
    composed = was;
    opened.forEach(([within, name]) => { const d = name && one(`#${within} details.${name}`); if (d && !d.open) d.open = true; });
    if (at) document.getElementById(at)?.focus({ preventScroll: true });
    const scroll = one(".scroll", pane);
    if (scroll && top) scroll.scrollTop = top;
  }

  function step(by) {
    const items = list();
    const at = items.findIndex((r) => r.dataset.id === current);
    const to = items[at + by];
    if (to) select(to, true); else toast(say("end"));
  }

  // onward goes to the next item that is still to be decided, down first.
  function onward() {
    const items = list();
    const at = items.findIndex((r) => r.dataset.id === current);
    const next = items.slice(at + 1).find(open) ?? items.slice(0, Math.max(at, 0)).reverse().find(open);
    if (next) select(next, true);
    else { show(current); toast(say("end")); }
  }

  // Reasons and the message that goes with them.
  const form = () => one(".decide");
  const reasons = () => all('[name="reason"]:checked', form() ?? document);

  // told is what an author is told for a reason: in their language, else as the
  // policy below says it.
  const told = (box) => box.dataset.template ?? one(`[data-policy="${box.value}"]`, pane).textContent;

  function compose() {
    const f = form();
    if (!f) return;
    const picked = reasons();
    one("[data-picked]", f).textContent = picked.map((b) => b.parentElement.innerText.replace(/^\d\s*/, "").trim()).join(", ");
    const box = f.elements.message, text = picked.map(told).join("\n");
    if (box.value === composed || box.value.trim() === "") box.value = text;
    composed = text;
  }

  function arm(button) {
    armed = button;
    const f = form();
    f.classList.add("armed");
    one("[data-why]", f).open = true;
    one("[data-picked]", f).textContent = say("pick");
  }

  function disarm() {
    if (armed && reasons().length === 0) one("[data-picked]", form()).textContent = "";
    armed = null;
    form()?.classList.remove("armed");
  }

  const slot = (key) => one(`.decide button[data-key="${key}"]`);

  async function decide(button) {
    if (busy) return;
    await loading;
    const f = form();
    button = f && one(`button[name="action"][value="${button.value}"]`, f);
    if (!button) return;
    const many = chosen();
    if (button.disabled && many.length === 0) return;
    if (button.hasAttribute("data-needs") && reasons().length === 0) { arm(button); return; }
    disarm();
    const pairs = [["action", button.value], ...reasons().map((b) => ["reason", b.value])];
    const needs = button.hasAttribute("data-needs");
    if (!needs) pairs.length = 1;
    busy = true;
    try {
      if (many.length) await decideMany(many, pairs);
      else await decideOne(f, pairs);
    } finally {
      busy = false;
    }
  }

  async function decideOne(f, pairs) {
    const id = f.closest(".case").dataset.id;
    pairs.push(["rev", f.elements.rev.value], ["message", f.elements.message.value], ["note", f.elements.note.value],
      ["author_language", f.elements.author_language.value]);
    const answer = await post(`/items/${encodeURIComponent(id)}/decision`, pairs);
    if (!answer) return;
    const r = answer.results?.[0];
    if (!r?.ok) { refuse(id, r ?? { text: answer.error }); return; }
    undone.push([{ id, rev: r.rev }]);
    mark(id, say("decided", { state: r.text }), r.rev, !r.waits);
    if (rows) onward(); else show(id);
  }

  // refuse shows in place what stood in the way; nothing that was typed is lost.
  function refuse(id, r) {
    notice(r.text ?? say("failed"));
    if (r.gone) {
      mark(id, r.text, null, true);
      all(".decide .buttons > button").forEach((b) => { b.disabled = true; });
    } else if (rowOf(id)) one("[data-status]", rowOf(id)).textContent = r.text;
  }

  function notice(text) {
    const box = one("[data-notice]");
    if (!box) return;
    box.textContent = text;
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
  }

  async function decideMany(many, pairs) {
    many.forEach((r) => pairs.push(["item", `${r.dataset.id}.${r.dataset.rev}`]));
    const answer = await post("/decisions", pairs);
    if (!answer) return;
    if (!answer.results) { toast(answer.error); return; }
    const done = answer.results.filter((r) => r.ok);
    if (done.length) undone.push(done.map((r) => ({ id: r.id, rev: r.rev })));
    answer.results.forEach((r) => {
      if (r.ok) mark(r.id, say("decided", { state: r.text }), r.rev, !r.waits);
      else if (rowOf(r.id)) { mark(r.id, r.text, null, Boolean(r.gone)); }
    });
    toast(answer.text);
    const bulk = one(".bulk");
    if (bulk) bulk.open = false;
    if (rowOf(current) && !open(rowOf(current))) onward(); else show(current);
  }

  async function undo() {
    if (busy) return;
    await loading;
    const button = one('.decide [data-do="undo"]');
    let last = undone.pop();
    if (!last && button) {
      const at = button.value.lastIndexOf(".");
      last = [{ id: button.value.slice(0, at), rev: button.value.slice(at + 1) }];
    }
    if (!last) { toast(say("nothing")); return; }
    busy = true;
    const answer = await post("/undo", last.map((t) => ["item", `${t.id}.${t.rev}`]));
    busy = false;
    if (!answer) { undone.push(last); return; }
    if (!answer.results) { toast(answer.error); return; }
    answer.results.forEach((r) => mark(r.id, r.ok ? say("undone") : r.text, r.rev, !r.ok));
    toast(answer.results.length === 1 && !answer.results[0].ok ? answer.results[0].text : answer.text);
    const back = rowOf(last[0].id);
    if (back && last[0].id !== current) select(back, true); else refresh();
  }

  async function claim() {
    await loading;
    const button = one('.decide [data-do="claim"]');
    if (!button) return;
    const path = new URL(button.formAction).pathname.slice(home.length);
    const answer = await post(path, []);
    if (!answer) return;
    if (answer.error) { notice(answer.error); return; }
    show(current);
  }

  document.addEventListener("click", (e) => {
    if (e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
    const link = e.target.closest("#rows a");
    if (link && matchMedia("(min-width: 801px)").matches) {
      e.preventDefault();
      select(link.closest(".item"), true);
      return;
    }
    const button = e.target.closest("[data-do]");
    switch (button?.dataset.do) {
      case "help": help.showModal(); break;
      case "all":
        list().filter(open).forEach((r) => { one("input", r).checked = true; });
        countChosen();
        break;
      case "undo": e.preventDefault(); undo(); break;
      case "claim": e.preventDefault(); claim(); break;
    }
    if (e.target.closest("#fresh")) location.reload();
    all("details.menu[open], details.bulk[open]").forEach((m) => { if (!m.contains(e.target)) m.open = false; });
  });

  document.addEventListener("change", (e) => {
    if (e.target.matches("#rows input")) countChosen();
    if (e.target.matches('.decide [name="reason"]')) compose();
  });

  document.addEventListener("submit", async (e) => {
    const f = e.target, button = e.submitter;
    if (f.matches(".decide") && button?.name === "action") { e.preventDefault(); decide(button); }
    if (f.matches(".case .stack")) {
      e.preventDefault();
      if (busy) return;
      const item = current, pairs = [...new FormData(f, button)];
      const answer = await post(new URL(button?.hasAttribute("formaction") ? button.formAction : f.action).pathname.slice(home.length), pairs);
      if (answer?.error) { notice(answer.error); return; }
      if (!answer) return;
      if (answer.rev) undone.push([{ id: item, rev: answer.rev }]);
      if (answer.text) toast(answer.text);
      await refresh(f);
      // Giving back can be all that somebody appealed for.
      if (answer.rev && one(".case")?.dataset.id === item && !("waiting" in one(".case").dataset)) mark(item, answer.text, null, true);
    }
    if (f.id === "bulk" && button?.name === "action") {
      e.preventDefault();
      const pairs = [["action", button.value]];
      const reason = f.elements.reason.value;
      if (reason && button.value !== "approve") pairs.push(["reason", reason]);
      const many = chosen();
      if (!many.length) { toast(say("none")); return; }
      if (!busy) { busy = true; await decideMany(many, pairs); busy = false; }
    }
  });

  all("button[data-do][hidden]").forEach((b) => { b.hidden = false; });
  if (matchMedia("(max-width: 1279px)").matches) all("details[data-wide]").forEach((d) => { d.open = false; });
  addEventListener("offline", () => toast(say("offline")));
  const first = rowOf(current);
  if (first && matchMedia("(min-width: 801px)").matches) one("a", first).focus({ preventScroll: true });
  return {
    one, all, say, toast, home, rows, help, hooks, keys: {}, current: () => current, busy: () => busy, armed: () => armed,
    list, rowOf, open, chosen, countChosen, mark, step, part, refresh, notice,
    form, reasons, compose, disarm, slot, decide, undo, claim,
  };
})();
