// What is shown, as a PNG.

async function save(canvas, name) {
  const file = await new Promise(resolve => canvas.toBlob(resolve, 'image/png'));
  if (self !== top) {
    // a sandboxed frame, such as MLflow's, drops downloads without a word
    $('picture-shown').src = URL.createObjectURL(file);
    $('picture-dialog').showModal();
    return;
  }
  saveFile(file, `${name}.png`);
}

function saveFile(file, download) {
  const url = URL.createObjectURL(file);
  make('a', {href: url, download}).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

const fileName = what => `${facts.title} ${what}`.replace(/[^\w.,=-]+/g, '_').slice(0, 120);

// Rows of picture sets with captions, pixels enlarged without smoothing.
function mosaic(sets, captions = null) {
  const tallest = Math.max(...views.map(view => view.h));
  const scale = Math.max(1, Math.round((sets.length > 1 ? 128 : 512) / tallest));
  const gap = 8;
  const text = captions ? 26 : 0;
  const wide = views.reduce((sum, view) => sum + view.w * scale + gap, 0) - gap;
  const canvas = make('canvas', {
    width: sets.length * (wide + 2 * gap) + 2 * gap,
    height: tallest * scale + text + 4 * gap,
  });
  const c = canvas.getContext('2d');
  c.fillStyle = css('paper');
  c.fillRect(0, 0, canvas.width, canvas.height);
  c.imageSmoothingEnabled = false;
  c.font = `18px ${css('font')}`;
  c.textAlign = 'center';
  sets.forEach((set, k) => {
    const left = 2 * gap + k * (wide + 2 * gap);
    let x = left;
    set.canvases.forEach((picture, v) => {
      c.drawImage(picture, x, 2 * gap, views[v].w * scale, views[v].h * scale);
      x += views[v].w * scale + gap;
    });
    c.fillStyle = css('ink');
    if (captions) c.fillText(captions[k], left + wide / 2, canvas.height - gap - 4);
  });
  return canvas;
}

// The map with its title and legend.
function mapPicture() {
  const head = 2.6 * rem;
  const items = layer === 'decoder' ? [] : [...$('legend').querySelectorAll('button, .scale')].slice(0, 60);
  const c = make('canvas').getContext('2d');
  c.font = `${0.8 * rem}px ${css('font')}`;
  const rows = [[]];
  let x = 0;
  for (const item of items) {
    const wide = c.measureText(item.textContent).width + 2.2 * rem;
    if (x + wide > width && x) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1).push([x, item]);
    x += wide;
  }
  const foot = items.length ? (rows.length * 1.4 + 0.6) * rem : 0;
  Object.assign(c.canvas, {width: width * ratio, height: (height + head + foot) * ratio});
  c.scale(ratio, ratio);
  c.fillStyle = css('paper');
  c.fillRect(0, 0, width, height + head + foot);
  c.fillStyle = css('ink');
  c.font = `600 ${1.05 * rem}px ${css('font')}`;
  c.fillText(facts.title, 0.8 * rem, 1.15 * rem);
  c.font = `${0.8 * rem}px ${css('font')}`;
  c.fillStyle = css('muted');
  c.fillText(mapTitle(), 0.8 * rem, 2.2 * rem);
  for (const canvas of [under, points, over]) c.drawImage(canvas, 0, head, width, height);
  rows.forEach((row, r) =>
    row.forEach(([left, item]) => {
      const y = height + head + (r * 1.4 + 1.05) * rem;
      const mark = item.querySelector('canvas');
      c.drawImage(mark, left + 0.8 * rem, y - 0.8 * rem, rem * Math.min(1, mark.width / mark.height), rem);
      c.fillStyle = css('ink');
      c.fillText(item.textContent, left + 2 * rem, y);
    })
  );
  return c.canvas;
}

function mapTitle() {
  const map = facts.maps[axes];
  const shown = earlier() ? facts.frames.images : map?.n ?? N;
  const what = map ? `${map.name} (${map.note})` : shownLatents().map(latentName).join(' and ');
  return `${what} of ${shown.toLocaleString('en')} ${facts.split} codes${earlier() ? ` at ${epochName(+$('epoch').value)}` : ''}`;
}

function listenToSaves() {
  const texts = sets => sets.map(set => set.closest('figure').lastChild.textContent);
  const strip = (id, sets, name) =>
    $(id).addEventListener('click', () => save(mosaic(sets(), texts(sets())), fileName(name)));
  $('save-picture').addEventListener('click', () => save(mosaic([decodedSet]), fileName('decoded')));
  $('save-map').addEventListener('click', () => save(mapPicture(), fileName('map')));
  strip('save-traversal', () => traversalSets, 'traversal');
  strip('save-path', () => pathSets, 'interpolation');
}
