// What a rater sees: pictures at 100 % on grey, the choices, the progress.

const GREY_MS = 300;  // between two pictures, so that their difference does not flicker

let isMissing = false;

async function show() {
  stage.replaceChildren();
  state.shownAt = 0;
  const at = state.at;
  if (at >= state.trials.length) return finish();
  draw();
  const trial = state.trials[at];
  const images = trial.pictures.map(picture);
  state.trials[at + 1]?.pictures.forEach(picture);  // so that the next one waits already
  try {
    const pause = new Promise((resolve) => setTimeout(resolve, GREY_MS));
    await Promise.all([pause, ...images.map((image) => image.decode())]);
  } catch {
    const reason = plan.served ? "Is `rate serve` still running?" : "This copy of the study is not complete.";
    isMissing = true;
    tell(`A picture cannot be loaded. ${reason} Your answers are kept, and it is tried again.`);
    setTimeout(() => at === state.at && !state.card && !state.shownAt && show(), RETRY_MS);
    return;
  }
  if (isMissing) tell("");
  isMissing = false;
  if (at !== state.at || state.card) return;
  stage.replaceChildren(...images);
  place();
  stage.scrollTo(0, 0);
  state.shownAt = performance.now();
}

function picture(name) {
  const image = new Image();
  image.alt = "the picture to judge";
  image.src = plan.inline ? `data:image/png;base64,${plan.inline[name]}` : `pictures/${name}.png`;
  return image;
}

// One pixel of the picture on one pixel of the screen, whatever the browser's zoom: its sides and its corner are whole
// numbers of the screen's pixels. Two stand side by side where there is room, else below each other.
function place() {
  const images = [...stage.children];
  const ratio = window.devicePixelRatio;
  const gap = 24;
  const sizes = images.map((image) => [image.naturalWidth / ratio, image.naturalHeight / ratio]);
  const total = (axis) => sizes.reduce((sum, size) => sum + size[axis], gap * (sizes.length - 1));
  const room = [stage.clientWidth, stage.clientHeight];
  const along = total(0) <= room[0] ? 0 : 1;
  const isLarger = sizes.some((size) => size[0] > room[0] || size[1] > room[1]) || total(along) > room[along];
  element("size").textContent = isLarger ? "Larger than the window: scroll, or enlarge the window." : "";
  let start = Math.max(0, (room[along] - total(along)) / 2);
  images.forEach((image, index) => {
    const corner = [0, 0];
    corner[along] = start;
    corner[1 - along] = Math.max(0, (room[1 - along] - sizes[index][1 - along]) / 2);
    const [left, top] = corner.map((at) => Math.round(at * ratio) / ratio);
    const [width, height] = sizes[index];
    image.style.cssText = `left: ${left}px; top: ${top}px; width: ${width}px; height: ${height}px`;
    start += sizes[index][along] + gap;
  });
}

function draw() {
  const trial = state.trials[state.at];
  const answer = answerTo(state.at);
  const buttons = plan.choices.map((choice) => {
    const names = isPairwise ? ["1 left", "2 right"] : ["1 bad", "2", "3", "4", "5 excellent"];
    const button = labelled(names[choice - 1], () => give(choice));
    button.classList.toggle("given", choice === answer);
    return button;
  });
  element("choices").replaceChildren(...buttons);
  const question = isPairwise ? "Which picture is better?" : "How good is this picture?";
  const better = `Here the ${trial.right === 1 ? "left" : "right"} one is better.`;
  const told = isPairwise ? better : `This one counts as ${trial.right}.`;
  element("hint").textContent = [state.comment, trial.isTold ? told : question].filter(Boolean).join(" ");
  const part = trial.part === "calibration" ? "Calibration, " : "";
  element("progress").textContent = `${part}${state.at + 1} of ${state.trials.length}${timeLeft()}`;
  element("back").disabled = state.at === 0;
}

function timeLeft() {
  const seconds = state.records.map((record) => record.seconds).sort((one, two) => one - two);
  if (seconds.length < 5) return "";
  const each = seconds[Math.floor(seconds.length / 2)] + GREY_MS / 1000;
  return `, about ${Math.max(1, Math.round(((state.trials.length - state.at) * each) / 60))} min left`;
}

function labelled(text, action) {
  const button = document.createElement("button");
  button.textContent = text;
  button.onclick = action;
  return button;
}

