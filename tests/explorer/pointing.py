"""How tests point at, click and read the explorer's page."""

import numpy as np
from fake_run import opened

COUNT = """canvas => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const pixels = new Uint32Array(data.buffer);
  const before = window.pixelsBefore ?? pixels;
  window.pixelsBefore = pixels;
  return [pixels.reduce((n, v) => n + (v !== 0), 0), pixels.reduce((n, v, k) => n + (v !== before[k]), 0)];
}"""


def codes_in(page, run) -> np.ndarray:
    """The codes as the page has them: in its order, rounded as they travel."""
    rows = page.evaluate("vaelab.facts.rows") or list(range(len(run.codes)))
    return run.codes[rows].astype(np.float16).astype(np.float32)


def move_to(page, x, y):
    """The pointer to shares x, y of the map's width and height; returns the place in the map's coordinates."""
    box = page.locator("#plot").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    px, py = round(x * box["width"]), round(y * box["height"])
    page.mouse.move(box["x"] + px, box["y"] + py)
    c = page.evaluate("vaelab.camera")
    return c["x"] + (px - c["width"] / 2) / c["scale"], c["y"] - (py - c["height"] / 2) / c["scale"]


def settled(page):
    """Waits until the picture of the newest code is there."""
    page.wait_for_timeout(250)


def go(page, i):
    page.evaluate(f"vaelab.go({i})")


def tab(page, name):
    page.get_by_role("tab", name=name).click()


def painted(page) -> tuple[int, int]:
    """How many pixels of the map's points are not empty, and how many are not what they were at the last call."""
    page.wait_for_timeout(200)
    return page.locator("#points").evaluate(COUNT)


def at(page, html, **entries):
    """Opens the page at an address."""
    page.goto("about:blank")
    return opened(page, html.as_uri() + "#" + "&".join(f"{k}={v}" for k, v in entries.items()))
