// Three latents at once: seen from far away, turned by hand, nearer points larger and over those behind.

let axisZ = 0;
const inSpace = () => axes === 'space';
const turned = {yaw: 0.6, pitch: 0.4}; // radians: about the vertical axis, and up or down
const STRAIGHT_UP = Math.PI / 2;
const LEVELS_OF_DEPTH = 8;
let heart = [0, 0, 0]; // what is turned about
let radius3 = 1; // of the ball around it that holds all points

const depth = new Float32Array(N); // towards the eye
const depthLevel = new Uint8Array(N);
const byDepth = new Uint32Array(N); // the farthest first

// Where to the right, up and towards the eye are, along the three latents.
function directions() {
  const [sy, cy, sp, cp] = [Math.sin(turned.yaw), Math.cos(turned.yaw), Math.sin(turned.pitch), Math.cos(turned.pitch)];
  return [[cy, 0, -sy], [-sy * sp, cp, -cy * sp], [sy * cp, sp, cy * cp]];
}

function centreSpace() {
  const three = [axisX, axisY, axisZ];
  heart = three.map(d => {
    let [low, high] = [facts.prior.mean[d], facts.prior.mean[d]];
    for (let i = 0; i < N; i++) {
      low = Math.min(low, codes[i * D + d]);
      high = Math.max(high, codes[i * D + d]);
    }
    return (low + high) / 2;
  });
  let largest = Math.hypot(...three.map(d => 2.2 * facts.prior.std[d]));
  for (let i = 0; i < N; i++) {
    largest = Math.max(largest, Math.hypot(...three.map((d, k) => codes[i * D + d] - heart[k])));
  }
  radius3 = largest;
}

// Depths and their order, for places that `placeCodes` has just found.
function sortByDepth() {
  const [, , [x, y, z]] = directions();
  const counts = new Uint32Array(257);
  const bucket = new Uint8Array(N);
  for (let i = 0; i < N; i++) {
    const at = i * D;
    depth[i] = (codes[at + axisX] - heart[0]) * x + (codes[at + axisY] - heart[1]) * y + (codes[at + axisZ] - heart[2]) * z;
    bucket[i] = Math.max(0, Math.min(255, ((depth[i] / radius3 + 1) / 2) * 256));
    depthLevel[i] = bucket[i] >> 5;
    counts[bucket[i] + 1]++;
  }
  for (let b = 1; b < 257; b++) counts[b] += counts[b - 1];
  for (let i = 0; i < N; i++) byDepth[counts[bucket[i]]++] = i;
}

function turnTo(yaw, pitch) {
  turned.yaw = Math.atan2(Math.sin(yaw), Math.cos(yaw));
  turned.pitch = Math.max(-STRAIGHT_UP, Math.min(STRAIGHT_UP, pitch));
  placeCodes();
  current.at = placeOf(current.z);
  cameraMoved();
}

// The point under a place of the screen, of three latents rather one in front; -1 where none is within some pixels.
function pointUnder(x, y, within = Infinity) {
  const [mx, my] = [dataX(x), dataY(y)];
  const behind = inSpace() ? (0.5 * rem) / camera.scale : 0;
  let [best, found] = [(within / camera.scale) ** 2, -1];
  for (let i = 0; i < N; i++) {
    if (only.size && !only.has(colours[colouring]?.[i])) continue;
    const back = (behind * (1 - depth[i] / radius3)) / 2;
    const distance = (place[2 * i] - mx) ** 2 + (place[2 * i + 1] - my) ** 2 + back * back;
    if (distance < best) [best, found] = [distance, i]; // a point that is not shown is NaN away
  }
  return found;
}

// The three axes through the prior's mean, and its great circles at two standard deviations.
function drawSpace(c) {
  const {mean, std} = facts.prior;
  const three = [axisX, axisY, axisZ];
  const at = offsets => {
    const z = Float32Array.from(mean);
    three.forEach((d, k) => (z[d] += offsets[k]));
    const {x, y} = placeOf(z);
    return [screenX(x), screenY(y)];
  };
  c.lineWidth = 1;
  c.strokeStyle = css('line');
  c.setLineDash([0.25 * rem, 0.3 * rem]);
  for (const [a, b] of [[0, 1], [0, 2], [1, 2]]) {
    c.beginPath();
    for (let k = 0; k <= 72; k++) {
      const offsets = [0, 0, 0];
      offsets[a] = 2 * std[three[a]] * Math.cos((k * Math.PI) / 36);
      offsets[b] = 2 * std[three[b]] * Math.sin((k * Math.PI) / 36);
      c.lineTo(...at(offsets));
    }
    c.stroke();
  }
  c.setLineDash([]);
  c.strokeStyle = css('muted');
  for (const {from, to} of axesOfSpace()) {
    c.beginPath();
    c.moveTo(...from);
    c.lineTo(...to);
    c.stroke();
  }
}

// The ends of each axis on the screen, three standard deviations of the prior away from its mean.
function axesOfSpace() {
  const {mean, std} = facts.prior;
  return [axisX, axisY, axisZ].map(d => {
    const [from, to] = [-3, 3].map(sigma => {
      const z = Float32Array.from(mean);
      z[d] += sigma * std[d];
      const {x, y} = placeOf(z);
      return [screenX(x), screenY(y)];
    });
    return {d, from, to};
  });
}

// Names of the axes, over the points.
function nameAxes(c) {
  c.font = `600 ${0.85 * rem}px ${css('font')}`;
  c.textAlign = 'center';
  c.textBaseline = 'middle';
  c.lineJoin = 'round';
  c.lineWidth = 0.3 * rem;
  c.strokeStyle = css('paper');
  c.fillStyle = css('ink');
  for (const {d, from, to} of axesOfSpace()) {
    const [x, y] = [to[0] - from[0], to[1] - from[1]];
    const long = Math.hypot(x, y) || 1;
    const at = [to[0] + (x / long) * 1.1 * rem, to[1] + (y / long) * 1.1 * rem];
    c.strokeText(latentName(d), ...at);
    c.fillText(latentName(d), ...at);
  }
  c.textBaseline = 'alphabetic';
}
