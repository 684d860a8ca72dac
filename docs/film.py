"""Films the explorer for the README: the pointer goes round the map, the picture follows.

python docs/film.py EXPLORER.html      writes docs/explorer.webp; needs playwright and Chromium ($VAELAB_CHROMIUM)
"""

import io
import math
import os
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

FRAMES = 44
SIZE = {"width": 1120, "height": 700}
SHOWN = (880, 550)
HIDE = """for (const node of document.querySelectorAll("h2, h3, h4, summary, strong, div"))
    if (node.textContent.trim() === "On the command line") node.parentElement.style.visibility = "hidden";"""


def main(page: str) -> None:
    frames = []
    with sync_playwright() as playwright:
        chromium = os.environ.get("VAELAB_CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport=SIZE)
        tab.goto(Path(page).resolve().as_uri())
        tab.wait_for_timeout(4000)
        tab.evaluate(HIDE)
        box = tab.locator("#plot").bounding_box()
        for angle in (2 * math.pi * k / FRAMES for k in range(FRAMES)):
            x = 0.47 + 0.25 * math.cos(angle) + 0.05 * math.cos(3 * angle)
            y = 0.47 + 0.27 * math.sin(angle) + 0.05 * math.sin(2 * angle)
            tab.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            tab.wait_for_timeout(150)
            frames.append(
                Image.open(io.BytesIO(tab.screenshot())).convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS)
            )
        browser.close()
    file = Path(__file__).resolve().parent / "explorer.webp"
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=120, loop=0, quality=60, method=4)
    print(f"{file}: {file.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1])
