// What is asked and told between pictures.

const MAX_NAME = 60;

function card(title, text, buttons, name = "question") {
  state.card = name;
  stage.replaceChildren();
  const box = element("card");
  const heading = document.createElement("h1");
  const paragraph = document.createElement("p");
  const row = document.createElement("div");
  [heading.textContent, paragraph.textContent] = [title, text];
  row.append(...buttons);
  box.replaceChildren(heading, paragraph, row);
  if (!box.open) box.showModal();
  buttons[0]?.focus();
}

function closeCard() {
  state.card = "";
  element("card").close();
  show();
}

function askName(reason) {
  const input = document.createElement("input");
  const placeholder = "Your name, or any word that you will know again";
  Object.assign(input, { maxLength: MAX_NAME, placeholder, autocomplete: "off" });
  const begin = labelled("Begin", () => input.value.trim() && enter(input.value.trim().replace(/\s+/g, " ")));
  input.addEventListener("keydown", (event) => event.key === "Enter" && begin.click());
  const about = isPairwise
    ? "You will see two pictures at a time. Say which one is better: keys 1 (left) and 2 (right)."
    : "You will see one picture at a time. Say how good it is: keys 1 (bad quality) to 5 (excellent quality).";
  const more = "Backspace goes back, P pauses. It begins with a few to practise on. Please do not zoom.";
  card("Which picture looks good?", reason || `${about} ${more}`, [input, begin]);
}

// From a name to the answers that are known of it, by the server or by this browser.
async function enter(rater) {
  const isRenamed = state.records.length > 0;
  let found = stored(rater)?.records ?? [];
  if (plan.served) {
    let saved;
    try {
      saved = (await ask(`answers?rater=${encodeURIComponent(rater)}`)).records;
    } catch {
      return askName("The server does not answer. Is `rate serve` still running?");
    }
    if (saved.length && found.length && saved[0].session !== found[0].session) {
      if (!isRenamed) load(rater, found);
      return askName(`Somebody else has answered under the name ${rater}. Your answers are kept: give another name.`);
    }
    const keys = new Set(saved.map((record) => record.window + record.number));
    found = [...saved, ...found.filter((record) => !keys.has(record.window + record.number))];
    state.numSent = saved.length;
  }
  const isReload = rememberedName() === rater;
  if (!found.length || (isReload && !isRenamed)) return begin(rater, found);
  const last = new Date(found.at(-1).at).toLocaleString();
  const text = `${found.length} answers were given under the name ${rater}, the last at ${last}. Are they yours?`;
  const other = labelled("No, I am somebody else", () => askName("Then please give another name."));
  const same = labelled("Yes, go on", () => begin(rater, found));
  return card("This name is known", text, isRenamed ? [other] : [same, other]);
}

function rememberedName() {
  try {
    return sessionStorage.getItem(`srkit:${plan.study}`);
  } catch {
    return null;
  }
}

function load(rater, found) {
  state.rater = rater;
  state.records = found;
  state.session = found[0]?.session ?? random(16);
  state.trials = orderOf(state.session);
  state.at = firstOpen();
}

function begin(rater, found) {
  if (state.records.length) {  // under a name that belongs to somebody else, so that the server has none of them
    forget();
    state.rater = rater;
    state.records.forEach((record) => (record.rater = rater));
    state.numSent = 0;
  } else {
    load(rater, found);
  }
  keep();
  closeCard();
  send();
}

function pause() {
  const rest = plan.served ? "Everything so far is saved." : "This browser keeps everything so far.";
  card("Pause", rest, [labelled("Go on", closeCard), labelled("Download the answers", download)]);
}

function finish() {
  const waiting = plan.served ? state.records.length - state.numSent : 0;
  const offline = "Please download your answers, and send the file to the person who gave you this test.";
  const where = plan.served ? "All your answers are saved." : offline;
  const text = waiting ? `${waiting} answers are still on their way: please keep this page open.` : where;
  const last = labelled("Back to the last one", () => {
    state.at = state.trials.length - 1;
    closeCard();
  });
  const next = labelled("Next rater", () => {
    sessionStorage.removeItem(`srkit:${plan.study}`);
    location.reload();
  });
  card("Thank you", text, [labelled("Download the answers", download), last, ...(waiting ? [] : [next])], "end");
}

function stop() {
  card("This test goes on in another window", "What was answered here is saved. Close this window.", [], "stop");
}

