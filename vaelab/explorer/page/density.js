// How densely the points lie: lines around the smallest areas that hold half and nine tenths of them.

const CELLS = 128; // of the grid's longer side
const HELD = [0.9, 0.5]; // share of the points inside a line
const MOST_CLASSES = 12; // lines of each class up to here, beyond lines of all points
let densityOn = false;
let contours = null; // [{path, value, share, above}], paths in cells of `grid`
let grid = null; // {x, y, cell}: its corner and the size of a cell in the map's coordinates

function setDensity(on) {
  densityOn = on;
  $('density').setAttribute('aria-pressed', on);
  contours = null;
  redraw('points');
  addressChanged();
}

function forgetContours() {
  contours = null;
}

// Gaussian kernel: a point's weight is spread with a standard deviation of n^(-1/6) of the points' own along each axis
// (Scott, 1992), times 0.8, since what lies in heaps is no Gaussian.
function densityOf(members, w, h) {
  const weights = new Float32Array(w * h);
  const moments = [0, 1].map(k => {
    let [sum, squares] = [0, 0];
    for (const i of members) {
      const v = (place[2 * i + k] - (k ? grid.y : grid.x)) / grid.cell;
      sum += v;
      squares += v * v;
    }
    const mean = sum / members.length;
    return Math.sqrt(Math.max(0, squares / members.length - mean * mean));
  });
  for (const i of members) {
    const [x, y] = [(place[2 * i] - grid.x) / grid.cell, (place[2 * i + 1] - grid.y) / grid.cell];
    const [c, r] = [Math.floor(x), Math.floor(y)];
    for (const [dc, dr] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
      weights[(r + dr) * w + c + dc] += (dc ? x - c : 1 - x + c) * (dr ? y - r : 1 - y + r);
    }
  }
  const wide = moments.map(std => Math.max(0.8, 0.8 * std * members.length ** (-1 / 6)));
  return blurred(blurred(weights, w, h, wide[0], 1, w), h, w, wide[1], w, 1);
}

// One axis of a Gaussian blur: `lines` of `along` cells, neighbours `step` apart.
function blurred(from, along, lines, std, step, next) {
  const reach = Math.ceil(3 * std);
  const bell = Float32Array.from({length: 2 * reach + 1}, (_, k) => Math.exp(-((k - reach) ** 2) / (2 * std * std)));
  const total = bell.reduce((a, b) => a + b, 0);
  const kernel = bell.map(v => v / total);
  const to = new Float32Array(from.length);
  for (let line = 0; line < lines; line++) {
    for (let k = 0; k < along; k++) {
      const value = from[line * next + k * step];
      if (!value) continue;
      for (let m = Math.max(0, k - reach); m <= Math.min(along - 1, k + reach); m++) {
        to[line * next + m * step] += value * kernel[m - k + reach];
      }
    }
  }
  return to;
}

// The heights above which shares of the whole lie, to a 2,000th of the highest.
function heightsOf(density, shares) {
  const steps = 2000;
  const held = new Float64Array(steps + 1);
  const most = density.reduce((a, b) => Math.max(a, b), 0);
  let whole = 0;
  for (const v of density) {
    held[Math.floor((v / most) * steps)] += v;
    whole += v;
  }
  return shares.map(share => {
    let sum = 0;
    for (let k = steps; k > 0; k--) {
      sum += held[k];
      if (sum >= share * whole) return (k / steps) * most;
    }
    return 0;
  });
}

// Lines at a height, by marching squares: the middle of a cell is where its weight is.
function linesAt(density, w, h, height) {
  const path = new Path2D();
  for (let r = 0; r + 1 < h; r++) {
    for (let c = 0; c + 1 < w; c++) {
      const at = r * w + c;
      const count = (density[at] > height) + (density[at + 1] > height) + (density[at + w + 1] > height) + (density[at + w] > height);
      if (count === 0 || count === 4) continue;
      const corners = [density[at], density[at + 1], density[at + w + 1], density[at + w]];
      const above = corners.map(v => v > height);
      const cuts = [];
      [[0, 0, 1, 0], [1, 0, 1, 1], [1, 1, 0, 1], [0, 1, 0, 0]].forEach(([x0, y0, x1, y1], k) => {
        const [a, b] = [corners[k], corners[(k + 1) % 4]];
        if (above[k] === above[(k + 1) % 4]) return;
        const t = (height - a) / (b - a);
        cuts.push([c + x0 + t * (x1 - x0), r + y0 + t * (y1 - y0)]);
      });
      for (let k = 0; k + 1 < cuts.length; k += 2) {
        path.moveTo(...cuts[k]);
        path.lineTo(...cuts[k + 1]);
      }
    }
  }
  return path;
}

function findContours() {
  const shown = [];
  const values = colouring === null ? null : colours[colouring];
  let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < N; i++) {
    if (!onMap(i) || (only.size && !only.has(values[i])) || (group && !group.has[i])) continue;
    shown.push(i);
    x0 = Math.min(x0, place[2 * i]);
    x1 = Math.max(x1, place[2 * i]);
    y0 = Math.min(y0, place[2 * i + 1]);
    y1 = Math.max(y1, place[2 * i + 1]);
  }
  contours = [];
  if (shown.length < 3) return;
  const side = Math.max(x1 - x0, y1 - y0) || 1;
  const margin = 0.15 * side; // a kernel's tails
  const cell = (side + 2 * margin) / CELLS;
  grid = {x: x0 - margin, y: y0 - margin, cell};
  const [w, h] = [x1 - x0, y1 - y0].map(long => Math.ceil((long + 2 * margin) / cell) + 2);
  const way = colouring === null ? null : facts.colourings[colouring];
  const classes = way?.kind === 'class' ? [...new Set(shown.map(i => values[i]))].filter(v => v !== NONE) : [];
  const apart = classes.length > 0 && classes.length <= MOST_CLASSES;
  for (const v of apart ? classes : [null]) {
    const members = v === null ? shown : shown.filter(i => values[i] === v);
    if (members.length < 3) continue;
    const density = densityOf(members, w, h);
    const heights = heightsOf(density, HELD);
    for (const [k, share] of HELD.entries()) {
      const height = heights[k];
      const above = (x, y) => density[Math.round((y - grid.y) / cell) * w + Math.round((x - grid.x) / cell)] > height;
      contours.push({path: linesAt(density, w, h, height), value: v, share, above});
    }
  }
}

function drawContours(c) {
  if (!densityOn || inSpace()) return;
  if (!contours) findContours();
  const size = grid ? grid.cell * camera.scale * ratio : 1;
  for (const {path, value, share} of contours) {
    c.setTransform(size, 0, 0, -size, screenX(grid.x) * ratio, screenY(grid.y) * ratio);
    const colour = value === null ? css('ink') : valueColour(facts.colourings[colouring], value);
    for (const [style, line] of [[css('paper'), 3.6], [colour, share < 0.7 ? 2 : 1.2]]) {
      c.strokeStyle = style;
      c.lineWidth = (line * ratio) / size;
      c.stroke(path);
    }
  }
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
}
