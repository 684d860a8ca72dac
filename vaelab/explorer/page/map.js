// The map: points on canvas 2D, painted into one ImageData (60,000 in a few milliseconds, no GPU needed).

const plot = $('plot');
const [under, points, over] = ['under', 'points', 'over'].map($);
const layers = {points: 'Points', images: 'Images', decoder: 'Decoder'};

let axes = 'latent'; // two latents; or 'space', three of them; or the number of a map
let axisX = 0;
let axisY = 0;
let layer = 'points';
let colouring = null; // number of a way to colour, or null
let only = new Set(); // values singled out in the legend; empty: all

const place = new Float32Array(2 * N); // where the codes are on this map
const camera = {x: 0, y: 0, scale: 1}; // data coordinates of the middle, CSS pixels per unit
let width = 1;
let height = 1;
let ratio = 1; // device pixels per CSS pixel
let rem = 16;

const onLatents = () => axes === 'latent';
const onMap = i => !Number.isNaN(place[2 * i]);
const screenX = x => width / 2 + (x - camera.x) * camera.scale;
const screenY = y => height / 2 - (y - camera.y) * camera.scale;
const dataX = sx => camera.x + (sx - width / 2) / camera.scale;
const dataY = sy => camera.y - (sy - height / 2) / camera.scale;

// -- places -----------------------------------------------------------------------------------------------------------

function placeCodes() {
  if (earlier()) placeEpoch();
  else if (onLatents()) {
    for (let i = 0; i < N; i++) {
      place[2 * i] = codes[i * D + axisX];
      place[2 * i + 1] = D > 1 ? codes[i * D + axisY] : scatter(i);
    }
  } else if (inSpace()) {
    const terms = linearMap();
    for (let i = 0; i < N; i++) {
      let [x, y] = [0, 0];
      for (const {d, from, to} of terms) {
        x += (codes[i * D + d] - from) * to[0];
        y += (codes[i * D + d] - from) * to[1];
      }
      place[2 * i] = x;
      place[2 * i + 1] = y;
    }
  } else {
    place.set(maps[axes]);
  }
  if (inSpace()) sortByDepth();
  forgetTiles();
  forgetContours();
}

// What a map does to a code where it is linear: latent d moves it by (z[d] - from) to; null where it has no formula.
function linearMap() {
  if (onLatents()) return [{d: axisX, from: 0, to: [1, 0]}, ...(D > 1 ? [{d: axisY, from: 0, to: [0, 1]}] : [])];
  if (inSpace()) {
    const [right, up] = directions();
    return [axisX, axisY, axisZ].map((d, k) => ({d, from: heart[k], to: [right[k], up[k]]}));
  }
  const {linear} = facts.maps[axes];
  return linear && linear.centre.map((from, d) => ({d, from, to: [linear.axes[0][d], linear.axes[1][d]]}));
}

// One latent has one axis: points are spread over the other, always alike.
function scatter(i) {
  const v = Math.sin(i * 12.9898) * 43758.5453;
  return (v - Math.floor(v)) * 2 - 1;
}

function fitCamera() {
  let [x0, x1, y0, y1] = onLatents() ? [-2.2, 2.2, D > 1 ? -2.2 : -1.2, D > 1 ? 2.2 : 1.2] : [1e9, -1e9, 1e9, -1e9];
  if (inSpace()) [x0, x1, y0, y1] = [-radius3, radius3, -radius3, radius3]; // however it is turned
  for (let i = 0; i < N; i++) {
    if (!onMap(i)) continue;
    x0 = Math.min(x0, place[2 * i]);
    x1 = Math.max(x1, place[2 * i]);
    y0 = Math.min(y0, place[2 * i + 1]);
    y1 = Math.max(y1, place[2 * i + 1]);
  }
  const margin = 1.6 * rem;
  camera.x = (x0 + x1) / 2;
  camera.y = (y0 + y1) / 2;
  camera.scale = Math.min(
    Math.max(40, width - 2 * margin) / (x1 - x0 || 1),
    Math.max(40, height - 2 * margin) / (y1 - y0 || 1)
  );
  cameraMoved();
}

function zoomAt(factor, sx, sy) {
  const [x, y] = [dataX(sx), dataY(sy)];
  camera.scale = Math.min(1e7, Math.max(1e-5, camera.scale * factor));
  camera.x = x - (sx - width / 2) / camera.scale;
  camera.y = y + (sy - height / 2) / camera.scale;
  cameraMoved();
}

// The k codes nearest to a place on this map, as [squared distance, index]: the finished run's, whatever epoch is shown.
function nearestPlaces(x, y, k) {
  const best = [];
  const where = maps[axes];
  for (let i = 0; i < N; i++) {
    const dx = where[2 * i] - x;
    const dy = where[2 * i + 1] - y;
    keepNearest(best, k, dx * dx + dy * dy, i); // a code that is not on the map is NaN away: never nearer
  }
  return best.filter(([distance]) => !Number.isNaN(distance));
}

// -- drawing: once a frame at most ------------------------------------------------------------------------------------

const stale = new Set();
const drawTimes = [];
function redraw(...what) {
  if (!stale.size) requestAnimationFrame(drawNow);
  for (const name of what) stale.add(name);
}
function drawNow() {
  const before = performance.now();
  if (stale.has('under')) drawUnder();
  if (stale.has('points')) drawLayer();
  if (stale.has('over')) drawOver();
  if (stale.has('points')) drawTimes.push(performance.now() - before);
  if (drawTimes.length > 100) drawTimes.shift();
  stale.clear();
}
function cameraMoved() {
  redraw('under', 'points', 'over');
  addressChanged();
  if (layer === 'decoder') askForTiles();
}

function measure() {
  const box = plot.getBoundingClientRect();
  [width, height] = [Math.max(50, box.width), Math.max(50, box.height)];
  ratio = devicePixelRatio || 1;
  rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  for (const canvas of [under, points, over]) {
    Object.assign(canvas, {width: Math.round(width * ratio), height: Math.round(height * ratio)});
  }
}

function context(canvas) {
  const c = canvas.getContext('2d');
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  return c;
}

// The prior's standard deviations and the axes' numbers, where axes have a meaning.
function drawUnder() {
  const c = context(under);
  if (inSpace()) drawSpace(c);
  if (!onLatents() || layer === 'decoder') return;
  const [line, faint, text] = [css('line'), css('grid'), css('muted')];
  const step = niceStep((5.5 * rem) / camera.scale);
  c.font = `${0.72 * rem}px ${css('font')}`;
  c.fillStyle = text;
  const shown = v => tickText(v, step);
  const bottom = height - 0.45 * rem;
  c.lineWidth = 1;
  c.textAlign = 'center';
  for (let v = Math.ceil(dataX(0) / step) * step; v < dataX(width); v += step) {
    const x = Math.round(screenX(v)) + 0.5;
    c.strokeStyle = Math.abs(v) < step / 1e6 ? line : faint;
    c.beginPath();
    c.moveTo(x, 0);
    c.lineTo(x, height);
    c.stroke();
    if (x > 2 * rem && x < width - 3 * rem) c.fillText(shown(v), x, bottom);
  }
  c.textAlign = 'left';
  for (let v = Math.ceil(dataY(height) / step) * step; D > 1 && v < dataY(0); v += step) {
    const y = Math.round(screenY(v)) + 0.5;
    c.strokeStyle = Math.abs(v) < step / 1e6 ? line : faint;
    c.beginPath();
    c.moveTo(0, y);
    c.lineTo(width, y);
    c.stroke();
    if (y > 2.2 * rem && y < height - 1.6 * rem) c.fillText(shown(v), 0.4 * rem, y - 0.25 * rem);
  }
  c.fillStyle = css('ink');
  c.font = `600 ${0.8 * rem}px ${css('font')}`;
  c.textAlign = 'right';
  c.fillText(latentName(axisX), width - 0.6 * rem, bottom);
  c.textAlign = 'left';
  if (D > 1) c.fillText(latentName(axisY), 0.4 * rem, 1.1 * rem);
  c.setLineDash([0.25 * rem, 0.3 * rem]);
  c.strokeStyle = line;
  for (const sigma of D > 1 ? [1, 2, 3] : []) {
    c.beginPath();
    const {mean, std} = facts.prior;
    const [wide, high] = [std[axisX], std[axisY]].map(s => s * sigma * camera.scale);
    c.ellipse(screenX(mean[axisX]), screenY(mean[axisY]), wide, high, 0, 0, 2 * Math.PI);
    c.stroke();
  }
}

function drawLayer() {
  if (layer === 'images') drawImages();
  else if (layer === 'decoder') drawTiles();
  else drawPoints();
}

// How many points share the map decides how large they are; zooming in makes them larger.
function pointRadius() {
  const crowd = N > 20000 ? 0.075 : N > 6000 ? 0.12 : N > 1500 ? 0.165 : N > 300 ? 0.23 : 0.3;
  const zoomed = Math.sqrt(Math.max(1, camera.scale / fittedScale));
  return Math.min(0.38, crowd * Math.min(2.5, zoomed)) * rem * Math.min(1.3, 0.6 + (0.4 * width) / (40 * rem));
}
let fittedScale = 1;

// Coverage of a shape: pixels as [dx, dy, alpha 0..255], antialiased by 4 x 4 samples.
function mask(shape, radius, opacity) {
  const inside = {
    disc: (x, y) => x * x + y * y <= 1,
    triangle: (x, y) => y <= 0.75 && y >= -1.1 + 1.75 * Math.abs(x),
    square: (x, y) => Math.abs(x) <= 0.86 && Math.abs(y) <= 0.86,
    diamond: (x, y) => Math.abs(x) + Math.abs(y) <= 1.2,
    cross: (x, y) => Math.min(Math.abs(x), Math.abs(y)) <= 0.36 && Math.max(Math.abs(x), Math.abs(y)) <= 1.1,
    ring: (x, y) => x * x + y * y <= 1.1 && x * x + y * y >= 0.36,
  }[shape];
  const side = Math.ceil(radius * 1.2);
  const found = [];
  for (let dy = -side; dy <= side; dy++) {
    for (let dx = -side; dx <= side; dx++) {
      let hits = 0;
      for (let s = 0; s < 16; s++) {
        hits += inside((dx + ((s & 3) - 1.5) / 4) / radius, (dy + ((s >> 2) - 1.5) / 4) / radius);
      }
      if (hits) found.push([dx, dy, Math.round((hits / 16) * 255 * opacity)]);
    }
  }
  return found;
}

let sheet = null; // the ImageData, kept between frames
const stamps = {made: '', styles: new Map()}; // of points, kept while they look alike
function drawPoints() {
  const w = points.width;
  const h = points.height;
  const c = points.getContext('2d');
  if (!sheet || sheet.width !== w || sheet.height !== h) sheet = c.createImageData(w, h);
  const image = new Uint32Array(sheet.data.buffer);
  image.fill(0);
  const radius = Math.max(0.9, pointRadius() * ratio);
  const opacity = (N > 20000 ? 0.7 : N > 3000 ? 0.8 : 0.9) * (densityOn && !inSpace() ? 0.45 : 1);
  const way = colouring === null ? null : facts.colourings[colouring];
  const values = way ? colours[colouring] : null;
  const paper = css('paper');
  const deep = inSpace();
  const made = [w, radius, opacity, colouring, deep, paper].join();
  if (stamps.made !== made) Object.assign(stamps, {made, styles: new Map()});
  const {styles} = stamps;
  const styleOf = (v, level, faint) => {
    const key = ((v << 1) | faint) * LEVELS_OF_DEPTH + level;
    if (!styles.has(key)) {
      const known = way && v !== NONE;
      const near = deep ? level / (LEVELS_OF_DEPTH - 1) : 1; // nearer is larger and clearer
      const cells = mask(known ? valueShape(way, v) : 'disc', Math.max(0.9, radius * (deep ? 0.6 + 0.55 * near : 1)), opacity);
      const full = faint ? css('faded') : known ? valueColour(way, v) : css('unlabelled');
      styles.set(key, {
        colour: packedColour(deep ? mixColours(paper, full, 0.45 + 0.55 * near) : full),
        offsets: Int32Array.from(cells, ([dx, dy]) => dy * w + dx),
        alphas: Uint8Array.from(cells, ([, , alpha]) => alpha),
      });
    }
    return styles.get(key);
  };
  const margin = Math.ceil(radius * (deep ? 1.4 : 1.2)) + 1;
  const kx = camera.scale * ratio;
  const ox = w / 2 - camera.x * kx;
  const oy = h / 2 + camera.y * kx;
  for (const pass of only.size || group ? [0, 1] : [1]) {
    for (let k = 0; k < N; k++) {
      const i = deep ? byDepth[k] : k;
      const v = values ? values[i] : NONE;
      const chosen = (!only.size || only.has(v)) && (!group || group.has[i] === 1);
      if (chosen !== (pass === 1)) continue;
      const x = (place[2 * i] * kx + ox) | 0; // a code that is not on the map is NaN, which | 0 sends to the corner
      const y = (oy - place[2 * i + 1] * kx) | 0;
      if (x < margin || y < margin || x >= w - margin || y >= h - margin) continue;
      stamp(image, y * w + x, styleOf(chosen ? v : NONE, deep ? depthLevel[i] : 0, chosen ? 0 : 1));
    }
  }
  c.putImageData(sheet, 0, 0);
  drawContours(c);
}

// One shape over what is there: straight alpha, two channels at a time.
function stamp(image, at, {colour, offsets, alphas}) {
  const redBlue = colour & 0xff00ff;
  const green = colour & 0x00ff00;
  for (let m = 0; m < offsets.length; m++) {
    const o = at + offsets[m];
    const alpha = alphas[m];
    const below = image[o];
    if (below === 0) {
      image[o] = ((alpha << 24) | colour) >>> 0;
      continue;
    }
    const alphaBelow = below >>> 24;
    const covered = alpha + alphaBelow - ((alpha * alphaBelow) >> 8);
    const t = ((alpha << 8) / covered) | 0;
    const rb = ((redBlue * t + (below & 0xff00ff) * (256 - t)) >>> 8) & 0xff00ff;
    const g = ((green * t + (below & 0x00ff00) * (256 - t)) >>> 8) & 0x00ff00;
    image[o] = ((Math.min(255, covered) << 24) | rb | g) >>> 0;
  }
}

// Cells as wide as all views side by side, in data coordinates: their grid stands still while one pans.
const aspect = views.reduce((sum, view) => sum + view.w / view.h, 0);
function cellSize(base) {
  const tall = base / Math.sqrt(aspect);
  return {w: (tall * aspect) / camera.scale, h: tall / camera.scale};
}

// Small pictures of the examples: in each cell the one nearest to its middle.
function drawImages() {
  const c = context(points);
  if (!atlases.length) return;
  const {w, h} = cellSize(Math.max(2.1 * rem, 26));
  const values = colouring === null ? null : colours[colouring];
  const taken = new Map();
  for (let i = 0; i < facts.atlas.n; i++) {
    if (!onMap(i) || (only.size && !only.has(values[i])) || (group && !group.has[i])) continue;
    const [x, y] = [place[2 * i], place[2 * i + 1]];
    if (x < dataX(-40) || x > dataX(width + 40) || y < dataY(height + 40) || y > dataY(-40)) continue;
    const [column, row] = [Math.floor(x / w), Math.floor(y / h)];
    const distance = (x / w - column - 0.5) ** 2 + (y / h - row - 0.5) ** 2;
    const key = `${column},${row}`;
    if (!taken.has(key) || taken.get(key).distance > distance) taken.set(key, {distance, i, column, row});
  }
  c.imageSmoothingEnabled = false;
  for (const {i, column, row} of taken.values()) {
    const [x, y] = [screenX(column * w), screenY((row + 1) * h)];
    const [cellWidth, cellHeight] = [w * camera.scale, h * camera.scale];
    const frame = Math.max(1, 0.12 * rem);
    if (values) {
      const v = values[i];
      c.fillStyle = v === NONE ? css('unlabelled') : valueColour(facts.colourings[colouring], v);
    } else {
      c.fillStyle = css('line');
    }
    c.fillRect(x + 0.5, y + 0.5, cellWidth - 1, cellHeight - 1);
    const [innerWidth, innerHeight] = [cellWidth - 2 * frame, cellHeight - 2 * frame];
    let left = x + frame;
    views.forEach((view, v) => {
      const wide = (innerWidth * view.w) / view.h / aspect;
      drawThumbnail(c, i, v, left, y + frame, wide, innerHeight);
      left += wide;
    });
  }
}

// The decoder's pictures over the whole map, other latents as they are at this moment.
let tiles = new Map(); // "column,row" -> {x, y, w, h, canvases} in data coordinates
let olderTiles = []; // shown until there are newer ones
let tileBase = ''; // what the tiles were decoded for
let tileTimer = 0;

function forgetTiles() {
  tiles.clear();
  olderTiles = [];
  tileBase = '';
}

function baseOfTiles(cellWidth) {
  const others = onLatents() ? Array.from(current.z, (v, d) => (d === axisX || d === axisY ? '' : v)) : [];
  return [axes, axisX, axisY, cellWidth, ...others, ...current.given].join();
}

function askForTiles() {
  clearTimeout(tileTimer);
  tileTimer = setTimeout(decodeTiles, 100);
}

function decodeTiles() {
  if (layer !== 'decoder' || !compute) return;
  const {w, h} = cellSize(Math.max(2.9 * rem, 34));
  const base = baseOfTiles(w);
  if (base !== tileBase) {
    if (tiles.size) olderTiles = [...tiles.values()];
    tiles.clear();
    tileBase = base;
  }
  const wanted = [];
  for (let row = Math.floor(dataY(height) / h); row * h < dataY(0); row++) {
    for (let column = Math.floor(dataX(0) / w); column * w < dataX(width); column++) {
      const [x, y] = [(column + 0.5) * w, (row + 0.5) * h];
      const key = `${column},${row}`;
      const z = tiles.has(key) ? null : codeOfTile(x, y, Math.max(w, h));
      if (z) wanted.push({key, x, y, w, h, z});
    }
  }
  const fromMiddle = tile => Math.hypot(tile.x - camera.x, tile.y - camera.y);
  wanted.sort((a, b) => fromMiddle(a) - fromMiddle(b));
  decodeMany('tiles', wanted.map(tile => tile.z), (k, picture) => {
    const canvases = views.map((_, v) => {
      const canvas = document.createElement('canvas');
      paint(canvas, picture, v);
      return canvas;
    });
    tiles.set(wanted[k].key, {...wanted[k], canvases});
    if (k === wanted.length - 1) olderTiles = [];
    redraw('points');
  });
}

// On a map without inverse only where there are points near by.
function codeOfTile(x, y, size) {
  if (onLatents()) {
    const z = current.z.slice();
    z[axisX] = x;
    if (D > 1) z[axisY] = y;
    return z;
  }
  const near = nearestPlaces(x, y, 6);
  return near.length && Math.sqrt(near[0][0]) < size ? mixOf(near) : null;
}

function drawTiles() {
  const c = context(points);
  c.imageSmoothingEnabled = false;
  for (const tile of [...olderTiles, ...tiles.values()]) {
    const [x0, y0] = [Math.round(screenX(tile.x - tile.w / 2)), Math.round(screenY(tile.y + tile.h / 2))];
    const [x1, y1] = [Math.round(screenX(tile.x + tile.w / 2)), Math.round(screenY(tile.y - tile.h / 2))];
    let left = x0;
    tile.canvases.forEach((canvas, v) => {
      const right = v === views.length - 1 ? x1 : left + ((y1 - y0) * views[v].w) / views[v].h;
      c.drawImage(canvas, left, y0, right - left - 1, y1 - y0 - 1);
      left = right;
    });
  }
}

// -- what moves: cursor, slots, path ----------------------------------------------------------------------------------

function drawOver() {
  const c = context(over);
  const [ink, paper, accent] = [css('ink'), css('paper'), css('accent')];
  const {x, y} = current.at;
  const [sx, sy] = [screenX(x), screenY(y)];
  if (inSpace()) nameAxes(c);
  if (current.mixed.length) {
    for (const [weight, i] of current.mixed) {
      const [px, py] = [screenX(place[2 * i]), screenY(place[2 * i + 1])];
      for (const [style, extra] of [[paper, 2], [accent, 0]]) {
        c.strokeStyle = style;
        c.lineWidth = (0.05 + 0.16 * weight) * rem + extra;
        c.beginPath();
        c.moveTo(sx, sy);
        c.lineTo(px, py);
        c.stroke();
      }
      ring(c, px, py, 0.24 * rem, accent, paper);
    }
  } else if (onLatents() && !earlier()) {
    c.strokeStyle = accent;
    c.globalAlpha = 0.45;
    c.lineWidth = 1;
    c.beginPath();
    c.moveTo(sx, 0);
    c.lineTo(sx, height);
    if (D > 1) {
      c.moveTo(0, sy);
      c.lineTo(width, sy);
    }
    c.stroke();
    c.globalAlpha = 1;
  }
  drawPosterior(c, ink, paper);
  drawPath(c, ink, paper);
  if (current.mixed.length) {
    c.fillStyle = paper;
    c.beginPath();
    c.arc(sx, sy, 0.5 * rem, 0, 2 * Math.PI);
    c.fill();
  }
  ring(c, sx, sy, 0.5 * rem, accent, paper);
  if (current.pinned) {
    c.fillStyle = accent;
    c.beginPath();
    c.arc(sx, sy, 0.24 * rem, 0, 2 * Math.PI);
    c.fill();
  }
}

// q(z|x) of the image whose code this is: where the map is linear ellipses of one and two standard deviations; its draws
// where it has some, which on other maps lie at their nearest codes.
function drawPosterior(c, ink, paper) {
  drawLasso(c);
  const {posterior} = current;
  if (!posterior) return;
  const {mean, std, draws: drawn} = posterior;
  const terms = facts.noise ? null : linearMap();
  if (terms) {
    const {x, y} = placeOf(mean);
    const [wide, high, angle] = spreadOnMap(terms, std);
    for (const sigma of [1, 2]) {
      c.beginPath();
      c.ellipse(screenX(x), screenY(y), sigma * wide * camera.scale, D > 1 ? sigma * high * camera.scale : 0.8 * rem, -angle, 0, 2 * Math.PI);
      for (const [style, line] of [[paper, 0.26 * rem], [ink, (0.16 - 0.05 * sigma) * rem]]) {
        c.strokeStyle = style;
        c.lineWidth = line;
        c.stroke();
      }
    }
  }
  for (const z of drawn) {
    const at = placeOf(z);
    c.beginPath();
    c.arc(screenX(at.x), screenY(at.y), 0.17 * rem, 0, 2 * Math.PI);
    c.fillStyle = paper;
    c.fill();
    c.beginPath();
    c.arc(screenX(at.x), screenY(at.y), 0.12 * rem, 0, 2 * Math.PI);
    c.fillStyle = ink;
    c.fill();
  }
}

// Standard deviations of a code on a linear map along the two axes of its ellipse, and the angle of the first.
function spreadOnMap(terms, std) {
  let [xx, xy, yy] = [0, 0, 0];
  for (const {d, to: [x, y]} of terms) {
    xx += (x * std[d]) ** 2;
    xy += x * y * std[d] ** 2;
    yy += (y * std[d]) ** 2;
  }
  const [middle, off] = [(xx + yy) / 2, Math.hypot((xx - yy) / 2, xy)];
  return [Math.sqrt(middle + off), Math.sqrt(Math.max(0, middle - off)), Math.atan2(2 * xy, xx - yy) / 2];
}

function ring(c, x, y, r, colour, halo) {
  for (const [style, line] of [[halo, 0.3 * rem], [colour, 0.14 * rem]]) {
    c.strokeStyle = style;
    c.lineWidth = line;
    c.beginPath();
    c.arc(x, y, r, 0, 2 * Math.PI);
    c.stroke();
  }
}

// Slots and the way from A to B, while their tab is open: where the map is linear the way itself, else dots from one to
// the next of the images that are nearest to the codes on it.
function drawPath(c, ink, paper) {
  const names = {path: 'AB', arithmetic: 'ABC'}[tab] ?? '';
  if (tab === 'path' && slots.A && slots.B) {
    const places = placesOfPath();
    const line = new Path2D();
    for (const {x, y} of places) line.lineTo(screenX(x), screenY(y));
    c.lineJoin = c.lineCap = 'round';
    if (linearMap()) {
      for (const [style, wide] of [[paper, 0.26 * rem], [ink, 0.12 * rem]]) {
        c.strokeStyle = style;
        c.lineWidth = wide;
        c.stroke(line);
      }
    } else {
      for (const [style, wide] of [[paper, 0.34 * rem], [ink, 0.18 * rem]]) {
        c.setLineDash([0.01, 0.5 * rem]);
        c.strokeStyle = style;
        c.lineWidth = wide;
        c.stroke(line);
      }
      c.setLineDash([]);
      for (const {x, y} of places) ring(c, screenX(x), screenY(y), 0.22 * rem, ink, paper);
    }
    c.lineCap = 'butt';
  }
  c.font = `700 ${0.85 * rem}px ${css('font')}`;
  c.textAlign = 'center';
  c.textBaseline = 'middle';
  for (const name of names) {
    if (!slots[name]) continue;
    const at = placeOf(slots[name].z);
    const [x, y] = [screenX(at.x), screenY(at.y)];
    c.fillStyle = paper;
    c.beginPath();
    c.arc(x, y, 0.78 * rem, 0, 2 * Math.PI);
    c.fill();
    c.fillStyle = ink;
    c.beginPath();
    c.arc(x, y, 0.68 * rem, 0, 2 * Math.PI);
    c.fill();
    c.fillStyle = paper;
    c.fillText(name, x, y + 0.04 * rem);
  }
  c.textBaseline = 'alphabetic';
}

// -- pointer and keyboard ---------------------------------------------------------------------------------------------

const pointers = new Map(); // those that are down
let drag = null; // {x, y, camera, moved} where a press began

function pointerPlace(event) {
  const box = plot.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function listenToMap() {
  plot.addEventListener('pointerdown', event => {
    if (event.button > 0) return;
    plot.setPointerCapture(event.pointerId);
    const [x, y] = pointerPlace(event);
    pointers.set(event.pointerId, [x, y]);
    if ((lassoOn || event.shiftKey) && pointers.size === 1) {
      lasso = [[x, y]];
      return;
    }
    drag = {x, y, moved: pointers.size > 1, span: span(), at: middle(), camera: {...camera}, turned: {...turned}};
  });
  plot.addEventListener('pointermove', event => {
    const [x, y] = pointerPlace(event);
    if (pointers.has(event.pointerId)) pointers.set(event.pointerId, [x, y]);
    if (lasso) {
      lassoMoved(x, y);
      return;
    }
    if (!drag) {
      if (!current.pinned && event.pointerType !== 'touch') moveTo(dataX(x), dataY(y));
      return;
    }
    if (Math.hypot(x - drag.x, y - drag.y) > 4) drag.moved = true;
    if (!drag.moved) return;
    if (inSpace() && pointers.size === 1) {
      plot.dataset.drag = '';
      const pace = Math.PI / Math.min(width, height);
      turnTo(drag.turned.yaw - (x - drag.x) * pace, drag.turned.pitch + (y - drag.y) * pace);
      return;
    }
    if (event.pointerType === 'touch' && pointers.size === 1) {
      float(x, y);
      moveTo(dataX(x), dataY(y), {pin: true});
      return;
    }
    plot.dataset.drag = '';
    const [mx, my] = middle();
    const factor = drag.span ? span() / drag.span : 1;
    camera.scale = drag.camera.scale * factor;
    camera.x = drag.camera.x + (drag.at[0] - width / 2) / drag.camera.scale - (mx - width / 2) / camera.scale;
    camera.y = drag.camera.y - (drag.at[1] - height / 2) / drag.camera.scale + (my - height / 2) / camera.scale;
    cameraMoved();
  });
  const released = event => {
    pointers.delete(event.pointerId);
    $('float').hidden = true;
    if (lasso) {
      lassoEnded();
      return;
    }
    delete plot.dataset.drag;
    if (drag && !drag.moved && event.type === 'pointerup') pressed(...pointerPlace(event));
    const [left] = pointers.values();
    const fresh = () => ({x: left[0], y: left[1], span: span(), at: middle(), camera: {...camera}, turned: {...turned}});
    drag = left ? {...drag, ...fresh(), moved: true} : null;
  };
  plot.addEventListener('pointerup', released);
  plot.addEventListener('pointercancel', released);
  plot.addEventListener(
    'wheel',
    event => {
      event.preventDefault();
      const amount = event.deltaMode === 1 ? event.deltaY * 20 : event.deltaY;
      zoomAt(Math.exp(-Math.max(-120, Math.min(120, amount)) * 0.0022), ...pointerPlace(event));
    },
    {passive: false}
  );
  plot.addEventListener('keydown', keyOnMap);
  $('zoom-in').addEventListener('click', () => zoomAt(1.4, width / 2, height / 2));
  $('zoom-out').addEventListener('click', () => zoomAt(1 / 1.4, width / 2, height / 2));
  $('fit').addEventListener('click', fit);
}

// The decoded picture over the map, away from the finger that hides it.
function float(x, y) {
  $('float').hidden = false;
  $('float').dataset.side = x < width / 2 ? 'right' : 'left';
  $('float').dataset.end = y < height / 2 ? 'bottom' : 'top';
}

function middle() {
  const all = [...pointers.values()];
  return [0, 1].map(k => all.reduce((sum, p) => sum + p[k], 0) / all.length);
}
function span() {
  const [a, b] = pointers.values();
  return b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0;
}

function pressed(x, y) {
  const onPin = Math.hypot(x - screenX(current.at.x), y - screenY(current.at.y)) < 0.7 * rem;
  if (current.pinned && onPin) pin(false);
  else moveTo(dataX(x), dataY(y), {pin: true});
  announce();
}

function fit() {
  fitCamera();
  fittedScale = camera.scale;
}

function keyOnMap(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = ((event.shiftKey ? 4 : 0.8) * rem) / camera.scale;
  const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
  const key = event.key.toUpperCase();
  if (way && inSpace()) {
    const angle = (event.shiftKey ? 20 : 5) * (Math.PI / 180);
    turnTo(turned.yaw - way[0] * angle, turned.pitch + way[1] * -angle);
  } else if (way) {
    moveTo(current.at.x + way[0] * step, current.at.y + way[1] * step, {pin: true});
    keepInSight();
    announce();
  } else if (event.key === 'Enter' || event.key === ' ') pin(!current.pinned);
  else if (event.key === 'Escape') pin(false);
  else if (key === 'A' || key === 'B' || key === 'C') setSlot(key);
  else if (key === 'N') goToNearest();
  else if (event.key === '+' || event.key === '=') zoomAt(1.3, screenX(current.at.x), screenY(current.at.y));
  else if (event.key === '-') zoomAt(1 / 1.3, screenX(current.at.x), screenY(current.at.y));
  else if (event.key === '0') fit();
  else return;
  event.preventDefault();
}

function keepInSight() {
  const [x, y] = [screenX(current.at.x), screenY(current.at.y)];
  const margin = 1.5 * rem;
  const dx = Math.min(0, x - margin) + Math.max(0, x - width + margin);
  const dy = Math.min(0, y - margin) + Math.max(0, y - height + margin);
  if (!dx && !dy) return;
  camera.x += dx / camera.scale;
  camera.y -= dy / camera.scale;
  cameraMoved();
}
