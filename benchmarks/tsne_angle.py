"""What does a coarser Barnes-Hut tree cost the t-SNE of a run's codes? scikit-learn's angle of 0.5 against ours.

`python benchmarks/tsne_angle.py RUN [--points 1000 2000] [--draws 3]`; a minute or two of one core. Of each map: CPU
time, trustworthiness of ten neighbours (Venna & Kaski, 2001), and how well ten neighbours in the map tell the class.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.manifold import trustworthiness
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from vaelab.view import projections


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--points", nargs="+", type=int, default=[1000, 2000])
    parser.add_argument("--draws", type=int, default=3)
    asked, ours = parser.parse_args(), projections.ANGLE
    with np.load(asked.run / "codes.npz") as stored:
        codes, labels = stored["test_mean"], stored["test_y"]
    print("points  draw  angle  CPU s  trustworthiness  neighbours")
    for points in asked.points:
        for draw in range(asked.draws):
            rows = np.random.default_rng(draw).choice(len(codes), points, replace=False)
            for angle in (0.5, ours):
                projections.ANGLE, before = angle, time.process_time()
                found, *_ = projections.tsne(codes[rows], 2, 0, engine="scikit-learn", perplexity=30, iterations=500)
                used = time.process_time() - before
                kept = trustworthiness(codes[rows], found, n_neighbors=10)
                told = cross_val_score(KNeighborsClassifier(10), found, labels[rows]).mean()
                print(f"{points:6,}  {draw:4}  {angle:5}  {used:5.2f}  {kept:15.4f}  {told:10.3f}", flush=True)


if __name__ == "__main__":
    main()
