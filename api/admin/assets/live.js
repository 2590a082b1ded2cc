// News of what others do.
(({ one, all, say, toast, home, rows, hooks, current, busy, rowOf, open, mark, notice }) => {
  function live() {
    const light = one("#live");
    const state = (s) => { light.dataset.state = s; light.lastElementChild.textContent = s === "on" ? say("live") : say("lost"); };
    const source = new EventSource(`${home}/events`);
    source.onopen = () => state("on");
    source.onerror = () => state("lost");
    source.addEventListener("ended", () => { source.close(); toast(say("signedOut")); });
    source.addEventListener("news", (e) => hear(JSON.parse(e.data)));
    addEventListener("pagehide", () => source.close());
  }

  const fresh = new Set();
  function hear(n) {
    all("[data-count]").forEach((c) => { c.textContent = n.waiting; });
    if (n.mine && n.type !== "claimed" && n.type !== "released") return;
    const r = rowOf(n.id);
    switch (n.type) {
      case "queued":
        if (rows && !r) {
          fresh.add(n.id);
          const button = one("#fresh");
          button.hidden = false;
          button.textContent = say("new", { n: fresh.size });
        }
        break;
      case "decided":
        fresh.delete(n.id);
        if (r && open(r)) mark(n.id, n.text, null, true);
        if (n.id === current()) { notice(n.text); all(".decide .buttons > button").forEach((b) => { b.disabled = true; }); }
        break;
      case "claimed":
      case "released":
        if (r && open(r) && !n.mine) one("[data-status]", r).textContent = n.text ?? "";
        if (n.id === current() && !n.mine) one("[data-claim]").textContent = n.text ?? "";
        break;
      case "changed":
        if (r && n.state === "pending" && n.rev > Number(r.dataset.rev)) mark(n.id, say("changed"), n.rev, false);
        if (n.id !== current() || busy()) break;
        // The same revision says that a video came along.
        if (n.rev > Number(one(".case").dataset.rev)) notice(say("changed")); else hooks.changed();
        break;
    }
  }

  if (one("#live")) live();
})(desk);
