"use strict";

// The page of a study. Its script is these files, joined: state, order, saving, showing, cards, main.

const plan = JSON.parse(document.getElementById("plan").textContent);
const isPairwise = plan.choices.length === 2;
const element = (id) => document.getElementById(id);
const stage = element("stage");

function random(digits) {
  const bytes = crypto.getRandomValues(new Uint8Array(digits));
  return [...bytes].map((byte) => (byte % 16).toString(16)).join("");
}

const windowId = random(12);  // of this page, opened once

const state = {
  rater: "",
  session: "",  // drawn when a rater begins; it decides the order
  trials: [],
  records: [],  // the answers, in the order in which they were given; of each trial the last counts
  numSent: 0,  // how many of them the server has
  number: 0,  // the next answer's number in this window
  at: 0,  // the trial that is shown
  shownAt: 0,  // since when, in ms; 0 while there is nothing to judge
  activeMs: 0,  // time spent on pictures since the last break
  card: "",  // what is asked or told instead of a picture: "question", "end", "stop", or nothing
  comment: "",  // on the last answer
};
