// Every answer is kept by the browser at once, and sent to the server if there is one.

const RETRY_MS = 3000;

const storeName = (rater) => `srkit:${plan.study}:${rater.trim().toLowerCase()}`;

function stored(rater) {
  try {
    return JSON.parse(localStorage.getItem(storeName(rater)));
  } catch {
    return null;  // the browser keeps nothing for this page
  }
}

function keep() {
  try {
    localStorage.setItem(storeName(state.rater), JSON.stringify({ session: state.session, records: state.records }));
    sessionStorage.setItem(`srkit:${plan.study}`, state.rater);
  } catch {
    const advice = "press P, and download the answers before you close it";
    if (!plan.served) tell(`This browser keeps nothing for this page: ${advice}.`);
  }
}

function forget() {
  try {
    localStorage.removeItem(storeName(state.rater));
  } catch {
    // nothing was kept
  }
}

async function ask(path, record) {
  const headers = { "Content-Type": "application/json" };
  const reply = await fetch(path, record && { method: "POST", headers, body: JSON.stringify(record) });
  return { status: reply.status, ...(await reply.json()) };
}

let isSending = false;

// Sends what the server does not have yet, in order; tries again until it has all.
async function send() {
  if (!plan.served || isSending) return;
  isSending = true;
  while (state.numSent < state.records.length) {
    let reply;
    try {
      reply = await ask("answers", state.records[state.numSent]);
    } catch {
      reply = { error: "The server does not answer. Is `rate serve` still running?" };
    }
    if (reply.status === 409) {
      askName(`${reply.error} Your answers are kept: give another name.`);
      break;
    }
    if (reply.status === 200) {
      state.numSent++;
      tell("");
      if (reply.elsewhere) stop();
    } else {
      const waiting = state.records.length - state.numSent;
      tell(`${reply.error} ${waiting} answers wait in this browser, and are sent again.`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
  isSending = false;
  if (state.card === "end") finish();
}

function download() {
  const lines = state.records.map((record) => JSON.stringify(record) + "\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(lines, { type: "application/jsonl" }));
  link.download = `answers-${state.rater.replace(/[^\p{L}\p{N}]+/gu, "-")}.jsonl`;
  link.click();
}

function tell(text) {
  element("banner").textContent = text;
  element("banner").hidden = !text;
}

