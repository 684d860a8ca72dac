// The same as commands to type: `vaelab generate` for this code, `vaelab plot` for this tab and this map.

let commandLines = [];

function buildCommands() {
  $('shell').hidden = !facts.run;
  for (let k = 0; k < 3; k++) {
    const text = make('code', {tabIndex: 0});
    const copy = make('button', {textContent: 'Copy'});
    const row = make('div', {className: 'command'}, text, copy);
    copy.addEventListener('click', () => copyText(text, copy));
    $('shell').append(row);
    commandLines.push({text, copy, row});
  }
}

const number = v => String(+v.toFixed(4) || 0);

function showCommands() {
  if (!facts.run) return;
  const lines = [`vaelab generate ${facts.run} 'z=[${Array.from(current.z, number).join(',')}]'${K ? ` 'condition=${conditionInWords()}'` : ''}`];
  for (const [plot, settings] of [plotOfTab(), plotOfMap()]) {
    if (!facts.plots.includes(plot)) continue;
    if (K && facts.condition.plots.includes(plot)) settings.condition = `'${conditionInWords()}'`;
    const more = Object.entries(settings).map(([key, value]) => ` plots.${plot}.${key}=${value}`);
    lines.push(`vaelab plot ${facts.run} plot=[${plot}]${more.join('')}`);
  }
  commandLines.forEach(({text, copy, row}, k) => {
    row.hidden = k >= lines.length;
    text.textContent = lines[k] ?? '';
    copy.setAttribute('aria-label', `Copy the ${lines[k]?.split(' ')[1]} command`);
  });
}

const onSplit = settings => (facts.split === 'test' ? settings : {split: facts.split, ...settings});

function plotOfTab() {
  if (tab === 'path') {
    const ends = [slots.A, slots.B].map(slot => slot?.example ?? null);
    const pairs = ends.includes(null) ? {} : {pairs: `[[${ends.map(rowOf).join(',')}]]`};
    return ['interpolation', onSplit({path: $('path-kind').value, ...pairs})];
  }
  return {latents: ['traversal', {}], arithmetic: ['arithmetic', {}], neighbours: ['neighbours', {}]}[tab] ?? ['reconstructions', {}];
}

function plotOfMap() {
  if (inSpace()) return ['latent_scatter', onSplit({dims: `[${axisX},${axisY},${axisZ}]`})];
  if (!onLatents()) return [facts.maps[axes].plot, onSplit({})];
  const dims = D > 1 ? `[${axisX},${axisY}]` : `[${axisX}]`;
  return [layer === 'decoder' ? 'manifold' : 'latent_scatter', onSplit({dims})];
}

async function copyText(node, button) {
  let done = false;
  try {
    await navigator.clipboard.writeText(node.textContent);
    done = true;
  } catch {
    // a sandboxed frame has no clipboard: select the text, and try the older way
    getSelection().selectAllChildren(node);
    done = document.execCommand('copy');
  }
  const told = done ? 'Copied' : 'Selected: press Ctrl+C';
  button.textContent = told;
  say(told);
  setTimeout(() => (button.textContent = 'Copy'), 1600);
}
