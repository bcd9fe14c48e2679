// Answers and keys.

const BREAK_MS = 20 * 60 * 1000;

function give(answer) {
  if (!state.shownAt || state.card) return;
  const trial = state.trials[state.at];
  const spentMs = performance.now() - state.shownAt;
  state.records.push({
    study: plan.study, rater: state.rater, session: state.session, window: windowId, number: state.number++,
    trial: state.at, part: trial.part, pictures: trial.pictures, answer,
    seconds: Math.round(spentMs) / 1000, at: new Date().toISOString(),
  });
  keep();
  send();
  const isRight = trial.part !== "calibration" || answer === trial.right;
  const truth = isPairwise ? "the other one was the original" : `the last one counts as ${trial.right}`;
  state.comment = isRight ? "" : `For comparison: ${truth}.`;
  state.activeMs += spentMs;
  state.at = firstOpen();
  const parts = state.trials.slice(state.at - 1, state.at + 1).map((each) => each.part);
  if (trial.part === "calibration" && parts[0] === "calibration" && parts[1] !== "calibration") return startTest();
  if (state.activeMs > BREAK_MS && state.at < state.trials.length) return offerBreak();
  show();
}

function startTest() {
  const count = state.trials.length - state.at;
  const things = isPairwise ? "pairs" : "pictures";
  const text = `${count} ${things} follow, some of them twice. From here on no answer is wrong: say what you see.`;
  card("Now the test", text, [labelled("Go on", closeCard)]);
}

function offerBreak() {
  state.activeMs = 0;
  const text = "You have judged pictures for 20 minutes. Five minutes away from the screen keep your eye fresh.";
  card("Time for a break", text, [labelled("Go on", closeCard)]);
}

function back() {
  if (state.card || state.at === 0) return;
  state.at--;
  state.comment = "";
  show();
}

document.addEventListener("keydown", (event) => {
  if (state.card || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const choice = Number(event.key);
  if (plan.choices.includes(choice)) give(choice);
  else if (event.key === "Backspace") back();
  else if (event.key.toLowerCase() === "p") pause();
  else return;
  event.preventDefault();
});
// Escape closes no question.
element("card").addEventListener("close", () => state.card && element("card").showModal());
element("back").onclick = back;
element("pause").onclick = pause;
window.addEventListener("resize", place);
// Another window of this browser has written an answer of the same rater: it is the one that goes on.
window.addEventListener("storage", (event) => {
  if (state.rater && event.key === storeName(state.rater)) stop();
});

const known = rememberedName();
if (known) enter(known);
else askName();
