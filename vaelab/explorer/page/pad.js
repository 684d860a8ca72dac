// Images of one's own at the size of the data: strokes of a hand, files; drawn as the data are (facts.drawing).

const MAX_FILE = 20e6; // bytes
const BINARY = ['threshold', 'static', 'dynamic', 'binary'].includes(facts.dataKind);

// Per view: `base` is an image, shares of the display range (h * w * c), or null; strokes are over it.
const pads = views.map((view, v) => ({
  view,
  v,
  rule: facts.drawing?.[v],
  fine: Math.max(1, Math.min(8, Math.floor(512 / Math.max(view.h, view.w)))), // pixels of a stroke's canvas per pixel
  base: null,
  strokes: [], // {points: [[x, y], ...] in pixels of the data, colour}
}));
const isEmpty = pad => !pad.base && !pad.strokes.length;
const greyColour = share => `rgb(${[0, 0, 0].map(() => Math.round(255 * share)).join()})`;

// The strokes on a transparent canvas of `fine` pixels per pixel, moved by a map of points.
function strokesOn(pad, {scale = 1, dx = 0, dy = 0} = {}) {
  const {view, fine, rule} = pad;
  const canvas = make('canvas', {width: view.w * fine, height: view.h * fine});
  const c = canvas.getContext('2d', {willReadFrequently: true});
  c.lineCap = c.lineJoin = 'round';
  c.lineWidth = rule.pen * fine;
  for (const {points, colour} of pad.strokes) {
    c.strokeStyle = colour ?? greyColour(rule.ink);
    c.beginPath();
    for (const [x, y] of points) c.lineTo((x * scale + dx) * fine, (y * scale + dy) * fine);
    if (points.length === 1) c.lineTo((points[0][0] * scale + dx) * fine + 0.01, (points[0][1] * scale + dy) * fine);
    c.stroke();
  }
  return canvas;
}

// A fine canvas at the size of the data: {alpha (h * w), colour (h * w * 3) times alpha}, each pixel the mean under a
// tent two pixels wide, as soft as scanned ink.
function shrunk(canvas, {view, fine}) {
  const {width, data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const height = canvas.height;
  const tent = Array.from({length: 2 * fine + 1}, (_, k) => 1 - Math.abs(k - fine) / (fine + 1));
  const sum = tent.reduce((a, b) => a + b, 0);
  const across = new Float32Array(height * view.w * 4);
  for (let y = 0; y < height; y++) {
    for (let column = 0; column < view.w; column++) {
      const middle = Math.floor((column + 0.5) * fine);
      const at = (y * view.w + column) * 4;
      for (let k = 0; k < tent.length; k++) {
        const x = middle + k - fine;
        if (x < 0 || x >= width) continue;
        const from = (y * width + x) * 4;
        const alpha = (data[from + 3] / 255) * (tent[k] / sum);
        if (!alpha) continue;
        for (let j = 0; j < 3; j++) across[at + j] += (data[from + j] / 255) * alpha;
        across[at + 3] += alpha;
      }
    }
  }
  const alpha = new Float32Array(view.h * view.w);
  const colour = new Float32Array(view.h * view.w * 3);
  for (let row = 0; row < view.h; row++) {
    const middle = Math.floor((row + 0.5) * fine);
    for (let k = 0; k < tent.length; k++) {
      const y = middle + k - fine;
      if (y < 0 || y >= height) continue;
      for (let column = 0; column < view.w; column++) {
        const from = (y * view.w + column) * 4;
        const to = row * view.w + column;
        const weight = tent[k] / sum;
        for (let j = 0; j < 3; j++) colour[3 * to + j] += across[from + j] * weight;
        alpha[to] += across[from + 3] * weight;
      }
    }
  }
  return {alpha, colour};
}

// Centre of mass of (h * w), [row, column].
function centreOf(alpha, {h, w}) {
  let [sum, rows, columns] = [0, 0, 0];
  for (let i = 0; i < h * w; i++) {
    sum += alpha[i];
    rows += alpha[i] * Math.floor(i / w);
    columns += alpha[i] * (i % w);
  }
  return [rows / sum, columns / sum];
}

// The ink of a pad, where the data's rule puts it: scaled to its box, its centre of mass in its place. A drawing over an
// image stays where it is.
function inkOf(pad) {
  const {rule, view} = pad;
  let move = {scale: 1, dx: 0, dy: 0};
  if (!pad.base && rule.box) {
    const all = pad.strokes.flatMap(stroke => stroke.points);
    const [xs, ys] = [0, 1].map(k => all.map(point => point[k]));
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const longer = Math.max(x1 - x0, y1 - y0);
    if (longer > rule.pen) move.scale = Math.max(1, rule.box - rule.pen) / longer;
    move.dx = view.w / 2 - (move.scale * (x0 + x1)) / 2;
    move.dy = view.h / 2 - (move.scale * (y0 + y1)) / 2;
  }
  let ink = shrunk(strokesOn(pad, move), pad);
  if (!pad.base && rule.centre) {
    const [row, column] = centreOf(ink.alpha, view);
    move = {...move, dx: move.dx + rule.centre[1] - column, dy: move.dy + rule.centre[0] - row};
    ink = shrunk(strokesOn(pad, move), pad);
  }
  return ink;
}

// What the encoder is given of a pad: (h * w * c) in the data's own range.
function imageOf(pad) {
  const {view, rule, base} = pad;
  const {h, w, c, range} = view;
  const ink = pad.strokes.length ? inkOf(pad) : null;
  const image = new Float32Array(h * w * c);
  for (let i = 0; i < h * w; i++) {
    for (let k = 0; k < c; k++) {
      let share = base ? base[i * c + k] : rule.ground;
      if (ink) share = share * (1 - ink.alpha[i]) + ink.colour[3 * i + (c >= 3 ? k % 3 : 0)];
      if (BINARY) share = share > 0.5 ? 1 : 0;
      image[i * c + k] = range[0] + Math.max(0, Math.min(1, share)) * (range[1] - range[0]);
    }
  }
  return image;
}

// The pixels of a canvas as shares of the display range (h * w * c); a grey value is the luma, as PIL's.
function sharesOf(canvas, {h, w, c}) {
  const {data} = canvas.getContext('2d').getImageData(0, 0, w, h);
  const shares = new Float32Array(h * w * c);
  for (let i = 0; i < h * w; i++) {
    const [r, g, b] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
    const grey = (0.299 * r + 0.587 * g + 0.114 * b) / 255;
    for (let k = 0; k < c; k++) shares[i * c + k] = c >= 3 ? [r, g, b][k % 3] / 255 : grey;
  }
  return shares;
}

// A picture of any size on a canvas of w by h, whole or filling it, halved step by step so that no pixel is passed over.
function fitted(picture, w, h, {fill, under}) {
  let source = picture;
  let [width, height] = [picture.width, picture.height];
  const factor = () => (fill ? Math.max : Math.min)(w / width, h / height);
  while (factor() < 0.5) {
    const half = make('canvas', {width: Math.ceil(width / 2), height: Math.ceil(height / 2)});
    half.getContext('2d').drawImage(source, 0, 0, half.width, half.height);
    [source, width, height] = [half, half.width, half.height];
  }
  const canvas = make('canvas', {width: w, height: h});
  const c = canvas.getContext('2d', {willReadFrequently: true});
  c.fillStyle = under;
  c.fillRect(0, 0, w, h);
  c.imageSmoothingQuality = 'high';
  const [dw, dh] = [width * factor(), height * factor()];
  c.drawImage(source, (w - dw) / 2, (h - dh) / 2, dw, dh);
  return canvas;
}

// A file as the base of a pad. Data that lie in a box have what is drawn in the file cut out, in the data's polarity.
async function takeFile(pad, file) {
  const name = file.name || 'what was pasted';
  if (file.size > MAX_FILE) {
    throw new Error(`${name} is ${(file.size / 1e6).toFixed(0)} MB large; pictures of up to ${MAX_FILE / 1e6} MB are taken.`);
  }
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    throw new Error(`${name} is no picture that this browser can read.`);
  }
  takePicture(pad, picture);
}

function takePicture(pad, picture) {
  const {view, rule} = pad;
  const same = picture.width === view.w && picture.height === view.h;
  const placed = !same && (rule.box || rule.centre);
  pad.base = placed ? placedInk(pad, picture) : sharesOf(fitted(picture, view.w, view.h, {fill: !placed, under: '#fff'}), view);
  pad.strokes = [];
}

function placedInk(pad, picture) {
  const {view, rule, fine} = pad;
  const side = 256;
  const [w, h] = view.w > view.h ? [side, Math.round((side * view.h) / view.w)] : [Math.round((side * view.w) / view.h), side];
  const grey = sharesOf(fitted(picture, w, h, {fill: true, under: '#fff'}), {h, w, c: 1});
  const edge = [...grey].filter((_, i) => i < w || i >= w * (h - 1) || i % w === 0 || i % w === w - 1).sort((a, b) => a - b);
  const ground = edge[edge.length >> 1];
  const most = grey.reduce((found, v) => Math.max(found, Math.abs(v - ground)), 1e-3);
  const canvas = make('canvas', {width: w, height: h});
  const c = canvas.getContext('2d');
  const sheet = c.createImageData(w, h);
  let [x0, x1, y0, y1] = [w, 0, h, 0];
  grey.forEach((v, i) => {
    const share = Math.abs(v - ground) / most;
    sheet.data.set([255, 255, 255, 255 * share], 4 * i);
    if (share < 0.3) return;
    [x0, x1] = [Math.min(x0, i % w), Math.max(x1, (i % w) + 1)];
    [y0, y1] = [Math.min(y0, Math.floor(i / w)), Math.max(y1, Math.floor(i / w) + 1)];
  });
  c.putImageData(sheet, 0, 0);
  const scale = rule.box ? rule.box / Math.max(x1 - x0, y1 - y0) : view.w / w;
  let [left, top] = [view.w / 2 - (scale * (x0 + x1)) / 2, view.h / 2 - (scale * (y0 + y1)) / 2];
  const drawn = () => {
    const large = make('canvas', {width: view.w * fine, height: view.h * fine});
    const to = large.getContext('2d', {willReadFrequently: true});
    to.imageSmoothingQuality = 'high';
    to.drawImage(canvas, left * fine, top * fine, w * scale * fine, h * scale * fine);
    return shrunk(large, pad).alpha;
  };
  let alpha = drawn();
  if (rule.centre) {
    const [row, column] = centreOf(alpha, view);
    [left, top] = [left + rule.centre[1] - column, top + rule.centre[0] - row];
    alpha = drawn();
  }
  const shares = new Float32Array(view.h * view.w * view.c);
  alpha.forEach((a, i) => shares.fill(rule.ground * (1 - a) + rule.ink * a, i * view.c, (i + 1) * view.c));
  return shares;
}

// Example i as the base of every pad, as its small picture shows it.
function takeExample(i) {
  for (const pad of pads) {
    const [h, w] = facts.atlas.sizes[pad.v];
    const canvas = make('canvas', {width: w, height: h});
    drawThumbnail(canvas.getContext('2d'), i, pad.v, 0, 0, w, h);
    pad.base = sharesOf(fitted(canvas, pad.view.w, pad.view.h, {fill: true, under: '#000'}), pad.view);
    pad.strokes = [];
  }
}
