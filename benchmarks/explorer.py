"""How quick is the explorer in a browser? Start, picture under the pointer, a drawing's reconstruction, a slider.

`python benchmarks/explorer.py [--outputs FOLDER] [--seconds 5] [--only RUN ...]`; needs playwright and Chromium
($VAELAB_CHROMIUM), and VAELAB_DATA. Missing runs are trained first: few steps, for a page takes as long whatever its
weights have learned; the eight of the sweep three epochs, for the residuals of their alignment tell of the weights.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import report
from harness.turns import HERE, quantile
from playwright.sync_api import sync_playwright

SHORT = ["trainer.steps=500", "metric=[elbo]", "plot=[]", "tracking=none", "trainer.threads=1"]
RUNS = {
    "MNIST, dense (2)": ["dataset=mnist", "model=dense", "latent_dim=2"],
    "Fashion-MNIST, conv_v2 (10)": ["dataset=fashionmnist", "model=conv_v2", "latent_dim=10"],
    "CIFAR-10, deconv (64)": ["dataset=cifar10", "model=deconv", "latent_dim=64"],
    "MNIST on backgrounds, conjoint (6)": ["dataset=mnist_backgrounds", "model=dense", "structure=conjoint"],
    "MNIST, AVB (8)": ["dataset=mnist", "model=dense", "posterior=implicit", "objective=avb", "latent_dim=8"],
}
SWEEP = ["dataset=fashionmnist", "model=conv_v2", "latent_dim=10", "beta=0.1,0.25,0.5,1,2,4,8,16", "trainer.epochs=3",
         *SHORT[1:]]  # fmt: skip
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]

# A pointer that is at another place of the map in every frame: pictures a second, and ms between two frames.
MOVES = """async seconds => {
  const plot = document.getElementById('plot'), box = plot.getBoundingClientRect(), body = document.body.dataset;
  const frame = () => new Promise(requestAnimationFrame);
  const before = +(body.frames ?? 0), begun = await frame(), gaps = [];
  let last = begun, n = 0;
  while (last - begun < 1000 * seconds) {
    const angle = n++ / 40;
    plot.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, pointerType: 'mouse',
      clientX: box.left + box.width * (0.5 + 0.3 * Math.cos(angle)),
      clientY: box.top + box.height * (0.5 + 0.3 * Math.sin(1.7 * angle))}));
    const now = await frame();
    gaps.push(now - last);
    last = now;
  }
  return {moves: n, pictures: +body.frames - before, seconds: (last - begun) / 1000, gaps};
}"""

# One move at a time: ms from the pointer's event until its picture is on the canvas.
SINGLE = """async n => {
  const plot = document.getElementById('plot'), box = plot.getBoundingClientRect(), body = document.body.dataset;
  const told = [];
  for (let k = 0; k < n; k++) {
    await new Promise(done => setTimeout(done, 60));
    const before = +body.frames, begun = performance.now();
    const shown = new Promise(done => {
      const watcher = new MutationObserver(() => +body.frames > before && (watcher.disconnect(), done()));
      watcher.observe(document.body, {attributes: true, attributeFilter: ['data-frames']});
    });
    plot.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, pointerType: 'mouse',
      clientX: box.left + box.width * (0.5 + 0.3 * Math.cos(k)),
      clientY: box.top + box.height * (0.5 + 0.3 * Math.sin(k))}));
    await shown;
    told.push(performance.now() - begun);
  }
  return told;
}"""

# The slider of a sweep's page from end to end: ms between two frames, and of each what drawing took.
SLIDES = """async seconds => {
  const frame = () => new Promise(requestAnimationFrame), last = vaelab.facts.members.length - 1;
  vaelab.frameTimes.length = 0;
  const begun = await frame(), gaps = [];
  let before = begun;
  while (before - begun < 1000 * seconds) {
    vaelab.moveTo(last * (0.5 - 0.5 * Math.cos((before - begun) / 700)));
    const now = await frame();
    gaps.push(now - before);
    before = now;
  }
  return {gaps, drawing: [...vaelab.frameTimes]};
}"""


def vaelab(*words: str) -> None:
    """A command, whose own words are shown only where it fails."""
    command = [sys.executable, "-m", "vaelab", *words]
    told = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(HERE.parent)}, capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(f"{' '.join(command)}\n{told.stdout}{told.stderr}")


def page_of_run(name: str, outputs: Path) -> Path:
    """The page of a run, which is trained where there is none."""
    folder = outputs / "".join(c if c.isalnum() else "-" for c in name)
    if not (folder / "vae.h5").is_file():
        vaelab("train", *RUNS[name], *SHORT, f"output_dir={outputs}", f"hydra.run.dir={folder}", "explorer=none")
    file = folder.with_suffix(".html")
    vaelab("explore", f"run={folder}", f"explore.file={file}")
    return file


def page_of_sweep(outputs: Path) -> Path:
    """The page of the sweep; the same command trains what is missing."""
    vaelab("train", "-m", *SWEEP, "sweep_name=betas", f"output_dir={outputs}")
    file = outputs / "betas.html"
    vaelab("explore", f"sweep={outputs}/sweeps/betas", f"file={file}")
    return file


def opened(context, file: Path, mark: str):
    """(a tab, seconds from the address to the mark that its pictures are there)."""
    tab = context.new_page()
    tab.goto(file.resolve().as_uri())
    tab.locator(f"body[{mark}]").wait_for(timeout=120_000)
    assert tab.get_attribute("body", "data-ready") == "ok", tab.inner_text("#status")
    return tab, float(tab.get_attribute("body", "data-ready-ms")) / 1000


def drawn(tab, strokes: int = 12) -> list[float]:
    """ms from a stroke's event to its reconstruction on the canvas, of strokes by mouse on the pad."""
    tab.get_by_role("tab", name="Encode").click()
    pad = tab.locator(".pad").first
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    tab.evaluate("vaelab.encodeTimes.length = 0")
    for stroke in range(strokes):
        for k in range(12):
            x, y = 0.2 + 0.05 * k, 0.2 + 0.05 * stroke + 0.02 * (k % 3)
            tab.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if not k:
                tab.mouse.down()
            tab.wait_for_timeout(16)
        tab.mouse.up()
    tab.wait_for_timeout(500)
    return tab.evaluate("vaelab.encodeTimes")


def measure_run(context, name: str, file: Path, seconds: float) -> dict:
    tab, start = opened(context, file, "data-ready='ok'")
    tab.locator("body[data-encoder=ok]").wait_for(timeout=60_000)
    tab.evaluate(MOVES, 1)  # the first pictures compile
    one, many, pen = tab.evaluate(SINGLE, 60), tab.evaluate(MOVES, seconds), drawn(tab)
    tab.close()
    return {
        "contender": name,
        "MB": file.stat().st_size / 1e6,
        "start s": start,
        "pointer to picture ms": quantile(one, 0.5),
        "pointer 95 %": quantile(one, 0.95),
        "moves/s": many["moves"] / many["seconds"],
        "pictures/s": many["pictures"] / many["seconds"],
        "drawing to reconstruction ms": quantile(pen, 0.5),
        "drawing 95 %": quantile(pen, 0.95),
        "strokes": len(pen),
    }


def measure_sweep(context, file: Path, seconds: float, pictures: Path | None) -> dict:
    tab, start = opened(context, file, "data-samples")
    tab.evaluate(SLIDES, 1)
    slid = tab.evaluate(SLIDES, seconds)
    members = tab.evaluate("vaelab.facts.members.map(m => ({label: m.label, residual: m.residual}))")
    last = len(members) - 1
    for k in {0, last // 2, last} if pictures else ():
        tab.evaluate(f"vaelab.moveTo({k})")
        tab.wait_for_timeout(800)
        tab.screenshot(path=pictures / f"sweep-{k}.png")
    tab.close()
    facts = {"contender": f"sweep of {len(members)}", "MB": file.stat().st_size / 1e6, "start s": start}
    facts |= {"ms a frame": quantile(slid["gaps"], 0.5), "frame 95 %": quantile(slid["gaps"], 0.95)}
    facts |= {"drawing ms": quantile(slid["drawing"], 0.5), "drawing 95 %": quantile(slid["drawing"], 0.95)}
    facts["frames/s"] = 1000 * len(slid["gaps"]) / sum(slid["gaps"])
    facts["not aligned"] = " ".join(f"{m['residual']:.2f}" for m in members)
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outputs", type=Path, help="folder of the runs, kept; else they are made anew")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--only", nargs="+", default=[*RUNS, "sweep"], choices=[*RUNS, "sweep"])
    parser.add_argument("--pictures", type=Path, help="folder for the sweep's page at three places of the slider")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        outputs = asked.outputs or Path(made)
        files = {n: page_of_sweep(outputs) if n == "sweep" else page_of_run(n, outputs) for n in asked.only}
        chromium = os.environ.get("VAELAB_CHROMIUM", "/usr/bin/chromium")
        context = playwright.chromium.launch_persistent_context(
            f"{made}/profile",
            executable_path=chromium,
            headless=True,
            args=FLAGS,
            viewport={"width": 1280, "height": 860},
        )
        context.set_offline(True)
        command = " ".join(["python benchmarks/explorer.py", *sys.argv[1:]])
        rows = [measure_run(context, n, file, asked.seconds) for n, file in files.items() if n != "sweep"]
        if rows:
            report.save(
                "explorer",
                rows,
                command=command,
                value="drawing 95 %",
                label="ms from a stroke to its reconstruction, 95 %",
            )
        if file := files.get("sweep"):
            print(report.table([measure_sweep(context, file, asked.seconds, asked.pictures)]))
        context.close()


if __name__ == "__main__":
    main()
