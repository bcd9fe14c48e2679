// The order of a rater.

// A generator of numbers in [0, 1) from a seed (mulberry32): the order is the same after a reload.
function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let value = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled(items, next) {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(next() * (last + 1));
    [result[last], result[other]] = [result[other], result[last]];
  }
  return result;
}

// Some calibration trials that show the answer beside the picture, all of them without it, then the test. What is shown
// twice comes first in the first half, and again in the last third, of a pair with its sides exchanged.
function orderOf(session) {
  const next = generator(parseInt(session.slice(0, 8), 16));
  const calibration = plan.calibration.map((trial) => ({ ...trial, part: "calibration" }));
  const shown = calibration.slice(0, plan.numTold).map((trial) => ({ ...trial, isTold: true }));
  const test = shuffled(plan.test, next).map((pictures) => ({ part: "test", pictures: shuffled(pictures, next) }));
  const again = shuffled(test.slice(0, Math.ceil(test.length / 2)), next).slice(0, plan.numRepeated);
  for (const trial of again) {
    const first = Math.ceil((test.length * 2) / 3);
    const place = first + Math.floor(next() * (test.length + 1 - first));
    test.splice(place, 0, { part: "repeat", pictures: [...trial.pictures].reverse() });
  }
  return [...shown, ...shuffled(calibration, next), ...test];
}

const answerTo = (trial) => state.records.findLast((record) => record.trial === trial)?.answer;

function firstOpen() {
  const done = new Set(state.records.map((record) => record.trial));
  const open = state.trials.findIndex((_, trial) => !done.has(trial));
  return open < 0 ? state.trials.length : open;
}

