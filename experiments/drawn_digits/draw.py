"""Twenty digits drawn by mouse on the pad of a run's explorer.html; a classifier reads what the run makes of them.

python draw.py outputs/mnist-dense-vae/2026-01-31_12-00-00     writes results.csv and drawn.png beside this file

A digit is one or two strokes through a few points, which a hand misses: points, size, slant and angle are drawn anew
each time, and the line trembles. Needs playwright and Chromium ($VAELAB_CHROMIUM).
"""

import csv
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from playwright.sync_api import sync_playwright
from sklearn.neighbors import KNeighborsClassifier

import vaelab

HANDS = 2  # drawings of each digit
ANGLES = np.radians(np.linspace(-80, 280, 13))
POINTS = {  # of each stroke, in shares of the pad from its upper left corner
    0: [[(0.5 + 0.22 * np.cos(a), 0.5 + 0.36 * np.sin(a)) for a in ANGLES]],
    1: [[(0.55, 0.12), (0.5, 0.5), (0.46, 0.88)]],
    2: [[(0.28, 0.3), (0.38, 0.15), (0.56, 0.12), (0.68, 0.24), (0.63, 0.42), (0.47, 0.63), (0.29, 0.84), (0.29, 0.84),
         (0.46, 0.82), (0.74, 0.86)]],
    3: [[(0.3, 0.2), (0.46, 0.12), (0.66, 0.21), (0.61, 0.38), (0.44, 0.47), (0.44, 0.47), (0.66, 0.56), (0.7, 0.74),
         (0.52, 0.88), (0.29, 0.81)]],
    4: [[(0.36, 0.14), (0.31, 0.34), (0.29, 0.52), (0.29, 0.52), (0.5, 0.51), (0.74, 0.5)],
        [(0.66, 0.14), (0.64, 0.5), (0.61, 0.88)]],
    5: [[(0.68, 0.14), (0.37, 0.15), (0.37, 0.15), (0.33, 0.46), (0.33, 0.46), (0.52, 0.42), (0.69, 0.55), (0.66, 0.77),
         (0.48, 0.88), (0.28, 0.81)]],
    6: [[(0.63, 0.13), (0.43, 0.3), (0.32, 0.58), (0.36, 0.81), (0.53, 0.88), (0.67, 0.75), (0.62, 0.58), (0.46, 0.55),
         (0.35, 0.67)]],
    7: [[(0.27, 0.17), (0.5, 0.15), (0.7, 0.15), (0.7, 0.15), (0.58, 0.45), (0.46, 0.88)]],
    8: [[(0.63, 0.21), (0.48, 0.12), (0.35, 0.23), (0.42, 0.41), (0.6, 0.56), (0.67, 0.74), (0.5, 0.88), (0.34, 0.76),
         (0.4, 0.57), (0.57, 0.42), (0.64, 0.24)]],
    9: [[(0.67, 0.28), (0.52, 0.14), (0.36, 0.27), (0.4, 0.45), (0.57, 0.45), (0.67, 0.28), (0.67, 0.28), (0.65, 0.56),
         (0.58, 0.88)]],
}  # fmt: skip


def by_hand(strokes, rng) -> list[np.ndarray]:
    """The strokes as a hand draws them, each (n, 2)."""
    angle, slant, size = np.radians(rng.normal(0, 4)), rng.normal(0, 0.12), rng.normal(1, 0.06, 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    form = turn @ np.array([[size[0], -slant], [0, size[1]]]) * 0.85
    found = []
    for points in strokes:
        missed = np.array(points) + rng.normal(0, 0.016, (len(points), 2))
        line = smooth(missed, 8)
        tremor = np.convolve(rng.normal(0, 0.006, len(line)), np.ones(5) / 5, "same")
        found.append((line + tremor[:, None] - 0.5) @ form.T + 0.5)
    return found


def smooth(points, steps) -> np.ndarray:
    """A Catmull-Rom spline through points (n, 2); where two are equal it has a corner."""
    p = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:])
    ]
    return np.concatenate([*parts, points[-1:]])


def draw(page, strokes) -> dict:
    """What the page has encoded once the strokes are on its pad."""
    page.click("#pad-clear")
    page.locator(".pad").scroll_into_view_if_needed()
    box = page.locator(".pad").bounding_box()
    for line in strokes:
        for k, (x, y) in enumerate(np.clip(line, 0.02, 0.98)):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if not k:
                page.mouse.down()
        page.mouse.up()
    page.wait_for_timeout(500)
    return page.evaluate("({...vaelab.encoded, picture: [...vaelab.encoded.picture], draws: null})")


def main(reference: str) -> None:
    run = vaelab.load(reference)
    train, test = (run.view.split(name) for name in ("train", "test"))
    flat = lambda images: np.reshape(images, (len(images), -1))  # noqa: E731
    reader = KNeighborsClassifier(4, weights="distance").fit(flat(train.images()[0]), train.y)
    some = slice(0, 2000)
    images = test.images(some)[0]
    right = np.mean(reader.predict(flat(images)) == test.y[some])
    again = np.mean(reader.predict(flat(run.reconstruct(images))) == test.y[some])
    print(f"test images read right: {right:.3f}, their reconstructions: {again:.3f} (of {len(images):,})")

    rng, rows, pictures = np.random.default_rng(0), [], []
    with sync_playwright() as playwright:
        chromium = os.environ.get("VAELAB_CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(run.folder.explorer_file.resolve().as_uri())
        page.locator("body[data-encoder=ok]").wait_for(timeout=60_000)
        page.get_by_role("tab", name="Encode").click()
        for hand in range(1, HANDS + 1):
            for digit, strokes in POINTS.items():
                found = draw(page, by_hand(strokes, rng))
                drawn, picture = (np.array(found[name])[None] for name in ("image", "picture"))
                read = [int(reader.predict(x)[0]) for x in (drawn, picture)]
                rows.append([digit, hand, *read, *(round(found[k], 2) for k in ("distortion", "rate", "elbo"))])
                pictures.append((drawn.reshape(28, 28), picture.reshape(28, 28)))
        browser.close()

    here = Path(__file__).resolve().parent
    with open(here / "results.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["digit", "hand", "drawing_read_as", "reconstruction_read_as", "distortion", "rate", "elbo"])
        writer.writerows(rows)
    show(rows, pictures, here / "drawn.png")
    for name, column in (("drawings", 2), ("reconstructions", 3)):
        print(f"{name} read as the digit that was meant: {sum(r[0] == r[column] for r in rows)} of {len(rows)}")


def show(rows, pictures, path) -> None:
    figure, axes = plt.subplots(2 * HANDS, 10, figsize=(9, 2.02 * HANDS), dpi=150)
    for ax in axes.flat:
        ax.axis("off")
    for k, (row, pair) in enumerate(zip(rows, pictures)):
        for j, picture in enumerate(pair):
            ax = axes[2 * (k // 10) + j, k % 10]
            ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
            wrong = row[2 + j] != row[0]
            ax.set_title(
                f"{('drawn', 'decoded')[j]}: {row[2 + j]}", fontsize=7, pad=2, color="#b3261e" if wrong else "#16191d"
            )
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.96, 0.06, 0.22)
    figure.savefig(path)


if __name__ == "__main__":
    main(sys.argv[1])
