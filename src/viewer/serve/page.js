// The moving part of the pages. Text of models and scripts is only ever put in as text; pieces of a
// page come from this server, which escaped them.
"use strict";
(() => {
  const find = (selector, within = document) => within.querySelector(selector);

  // Like `visible` of the server: shows control characters and bidirectional marks as escapes.
  const visible = (text) => text.replace(/\r\n/g, "\n")
    .replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/g, (c) => `\\u{${c.charCodeAt(0).toString(16).padStart(4, "0")}}`)
    .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);

  async function post(path, value) {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(value),
    });
    if (!answer.ok) throw new Error((await answer.text()).trim() || answer.statusText);
    return answer.json();
  }

  function complain(place, error) {
    place.textContent = error ? visible(String(error.message || error)) : "";
    place.hidden = !error;
  }

  async function put(place, path) {
    const answer = await fetch(path);
    const text = answer.status === 200 ? await answer.text() : "";
    const page = new DOMParser().parseFromString(text, "text/html");
    const question = (within) => find("[data-question]", within)?.dataset.question;
    // The same question again: what the user has typed stays.
    if (!place.hidden && question(page) && question(page) === question(place)) return;
    place.replaceChildren(...page.body.childNodes);
    place.hidden = !text;
  }

  function base64(file) {
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve({ name: file.name, base64: reader.result.split(",")[1] || "" });
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(file);
    });
  }

  const form = find("#new");
  if (form) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = find("button", form);
      const problem = find(".problem", form);
      button.disabled = true;
      complain(problem, null);
      try {
        const value = { request: form.request.value, data: await Promise.all([...form.data.files].map(base64)) };
        if (form.preset.value) value.preset = form.preset.value;
        if (form.elements.name.value) value.name = form.elements.name.value;
        const made = await post("/sessions", value);
        location.href = `/sessions/${encodeURIComponent(made.name)}`;
      } catch (error) {
        complain(problem, error);
        button.disabled = false;
      }
    });
  }

  const again = find("#again");
  if (again) {
    const place = find("#run");
    again.addEventListener("click", async () => {
      again.disabled = true;
      complain(find(".problem", place), null);
      try {
        const ran = await post(place.dataset.post, {});
        const shown = find("#ran");
        const [out, err] = shown.querySelectorAll("pre");
        const why = ran.reason ? `, ${ran.reason}` : "";
        find("p", shown).textContent = visible(`${ran.verdict}, ${(ran.milliseconds / 1000).toFixed(1)} s${why}`);
        [[out, ran.stdout], [err, ran.stderr]].forEach(([pre, text]) => {
          pre.textContent = visible(text);
          pre.hidden = !text;
        });
        shown.hidden = false;
      } catch (error) {
        complain(find(".problem", place), error);
      }
      again.disabled = false;
    });
  }

  const between = find("#between");
  if (between) {
    between.addEventListener("submit", (event) => {
      event.preventDefault();
      location.search = `?from=${between.from.value}&to=${between.to.value}`;
    });
  }

  const session = find("#session");
  if (!session) return;
  const base = `/sessions/${session.dataset.name}`;
  const [live, text, news, doing, gate, body, problem] =
    ["#live", "#text", "#news", "#doing", "#gate", "#body", "#problem"].map((name) => find(name));
  // One after the other: of two that overlap, the older could come last.
  let queue = Promise.resolve();
  const later = (work) => { queue = queue.then(work).catch((error) => complain(problem, error)); };
  // What happens at once is drawn once.
  let due = false;
  const refresh = () => {
    if (due) return;
    due = true;
    later(() => { due = false; return put(body, `${base}/body`); });
  };

  function note(words) {
    const item = document.createElement("li");
    item.textContent = visible(words);
    news.append(item);
    while (news.children.length > 200) news.firstElementChild.remove();
    const box = news.parentElement;
    box.scrollTop = box.scrollHeight;
  }

  function now(words) {
    doing.textContent = visible(words);
  }

  // Text is drawn once per frame; only the end of a long text is kept.
  const LONGEST = 100000;
  let written = "";
  let drawing = false;
  function write(piece) {
    written = (written + visible(piece)).slice(-LONGEST);
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      text.textContent = written;
      text.hidden = !written;
      text.scrollTop = text.scrollHeight;
    });
  }
  function clear() {
    written = "";
    write("");
  }

  // The agent that is asked, and the version it writes.
  let asked = "";
  const say = {
    calling: (n) => {
      clear();
      asked = `${n.agent}${n.version ? ` (v${n.version})` : ""}`;
      now(`${asked}: ${n.model}`);
    },
    text: (n) => write(n.text),
    reasoning: () => now(doing.textContent.replace(/( \(thinking\))?$/, " (thinking)")),
    retrying: (n) => { clear(); note(`${n.why}; again in ${n.wait.toFixed(1)} s`); },
    called: (n) => note(`${n.usage.prompt} tokens in, ${n.usage.answer} out, ${(n.milliseconds / 1000).toFixed(1)} s`),
    refused: (n) => note(`the answer can't be used: ${n.reason}`),
    proposed: (n) => note(`a plan with ${n.plan.requirements.length} requirements`),
    progress: (n) => { now(asked ? `${asked}: ${n.words}` : n.words); },
    sampled: (n) => { now(`${n.there} of ${n.of} candidates done${n.words ? `: ${n.words}` : ""}`); },
    trying: (n) => { now(`running ${n.samples} candidates`); },
    chosen: () => note("a candidate was chosen"),
    written: (n) => { note(`v${n.version.number} (${n.version.cause})`); refresh(); },
    checked: (n) => n.version.errors.forEach(note),
    seeking: () => { now("looking up packages"); },
    installing: (n) => { now(`installing ${n.packages.join(", ")}`); },
    running: (n) => { now(`running v${n.version} (stopped after ${n.seconds} s)`); },
    ran: (n) => { note(`run of v${n.version.number}: ${n.version.run}`); refresh(); },
    testing: (n) => { now(`testing v${n.version}`); },
    tested: (n) => { if (n.version.tests) note(`tests: ${n.version.tests[0]} of ${n.version.tests[1]} passed`); refresh(); },
    reviewed: (n) => { n.findings.forEach((f) => note(`${f.id}: ${f.text}`)); refresh(); },
    auto: (n) => note(`${n.gate} gate: ${n.answer}`),
    answered: (n) => { if (n.answer) note(n.answer); refresh(); },
    note: (n) => note(n.text),
  };

  function end(message) {
    const why = message.error || (message.end && (message.end.paused || message.end.model_failed));
    complain(problem, message.error || (message.end && message.end.model_failed) || null);
    now(why ? `ended: ${why}` : "ended");
    find("#stop").hidden = true;
    gate.replaceChildren();
    gate.hidden = true;
    following = false;
    refresh();
  }

  // Whether it is watched now, and whether it can be answered here.
  let following = false;
  let shared = /^true$/i.test(session.dataset.shared);
  function follow() {
    following = true;
    live.hidden = false;
    find("#stop").hidden = !shared;
    const events = new EventSource(`${base}/events`);
    events.onopen = () => { later(() => put(gate, `${base}/gate`)); refresh(); };
    events.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.message === "news") (say[message.news] || (() => {}))(message);
      if (message.message === "question") {
        now(shared ? "waiting for you" : "waiting for an answer there");
        later(() => put(gate, `${base}/gate`));
        refresh();
      }
      if (message.message === "changed") refresh();
      if (message.message === "closed") {
        if (mine !== message.question && message.answer) note(`answered elsewhere: ${message.answer}`);
        gate.hidden = true;
        later(() => put(gate, `${base}/gate`));
      }
      if (message.message === "ended") { events.close(); end(message); }
    };
  }

  let mine = 0;
  async function answer(word, value) {
    const question = Number(find("[data-question]", gate).dataset.question);
    const given = value === undefined ? { answer: word } : { answer: word, value };
    const before = mine;
    mine = question;
    complain(problem, null);
    try {
      await post(`${base}/answer`, { question, answer: given });
    } catch (error) {
      mine = before;
      complain(problem, error);
      later(() => put(gate, `${base}/gate`));
    }
  }

  function value_of(form) {
    if (form.dataset.kind === "ids") return [...form.querySelectorAll(":checked")].map((box) => box.value);
    if (form.dataset.kind === "number") return Number(form.number.value);
    if (form.dataset.kind === "tests") {
      const tried = [...form.querySelectorAll("fieldset")].filter((field) => find("select", field).value);
      return tried.map((field) => [field.dataset.id, { status: find("select", field).value, note: find("input", field).value }]);
    }
    return form.text.value;
  }

  gate.addEventListener("submit", (event) => {
    event.preventDefault();
    const value = value_of(event.target);
    if (Array.isArray(value) && !value.length) return complain(problem, "nothing is chosen");
    answer(event.target.dataset.answer, value);
  });
  gate.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-answer]");
    if (!button) return;
    answer(button.dataset.answer, button.dataset.number && Number(button.dataset.number));
  });
  find("#stop").addEventListener("click", () => post(`${base}/stop`, {}).catch((error) => complain(problem, error)));
  body.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-post]");
    if (!button) return;
    button.disabled = true;
    complain(problem, null);
    try {
      await post(`${base}/${button.dataset.post}`, {});
      news.replaceChildren();
      follow();
    } catch (error) {
      complain(problem, error);
      button.disabled = false;
    }
  });
  if (/^true$/i.test(session.dataset.live)) follow();
  // Another process may begin to work on it.
  setInterval(async () => {
    if (following || document.hidden) return;
    const answer = await fetch(`${base}/live`).catch(() => null);
    const state = answer && answer.ok ? await answer.json() : {};
    if (!state.live || following) return;
    shared = state.shared;
    find("#elsewhere").textContent = visible(state.elsewhere || "");
    find("#elsewhere").hidden = !state.elsewhere;
    news.replaceChildren();
    follow();
  }, 3000);
})();
