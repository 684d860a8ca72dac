"""What a sweep says as a whole, on run folders whose numbers are known."""

import csv
import functools
import json
import re

import numpy as np
import pytest
from scipy import stats

from vaelab import cli
from vaelab.records.run_folder import RunFolder
from vaelab.records.sweep_folder import SweepFolder
from vaelab.report import pictures, statistics, tables, words
from vaelab.report.grid import read, varied
from vaelab.report.write import findings, write

BETAS, DIMS, SEEDS = (0.5, 1.0, 4.0), (2, 10), (0, 1, 2)


def run_folder(path, *, beta=1.0, latent_dim=2, seed=0, elbo=-30.0, rate=2.0, state="done", **more) -> RunFolder:
    """A finished run with the elbo given, as `train` leaves it."""
    rng = np.random.default_rng([int(beta * 10), latent_dim, seed])
    folder = RunFolder(path)
    cfg = {"dataset": {"_target_": "vaelab.datasets.digits.load", "limit": None, "binarize": "none"}, "seed": seed,
           "model": {"_target_": "vaelab.models.dense.Dense", "layers": [8]}, "beta": beta, "latent_dim": latent_dim,
           "trainer": {"epochs": 2, "threads": 1}, "optimize": None, **more}  # fmt: skip
    folder.write_config(cfg)
    chosen = {"dataset": "digits", "model": "dense", "objective": "vae"}
    folder.update_status(state=state, chosen=chosen, epochs=2, weights_epoch=2, train_seconds=3.0)
    if state != "done":
        return folder
    values = {"elbo": elbo, "distortion": -elbo - rate, "rate": rate, "nll_is10": -elbo - 0.1, "nll_is500": -elbo - 0.3,
              "active_units": float(latent_dim), "knn_accuracy": 0.9}  # fmt: skip
    facts = {"se": 0.1, "n": 40, "split": "test", "data": "grey", "samples": 1, "weights_epoch": 2, "note": None}
    folder.add_metrics({f"test/{name}": {"value": value, **facts} for name, value in values.items()})
    image = rng.normal(size=40)
    per_image = {"distortion": -elbo - rate + image, "rate": np.full(40, rate), "elbo": elbo - image}
    codes = {f"test_{k}": v.astype("float32") for k, v in per_image.items()}
    np.savez(folder.codes_file, test_mean=rng.normal(size=(40, latent_dim)), test_y=np.arange(40) % 10, **codes)
    pixels = rng.integers(0, 255, (24, 8, 8, 1), np.uint8)
    names = np.array([f"class {n}" for n in "ABCDEFGHIJ"])
    folder.save_tiles({"samples_0": pixels[:16], "originals_0": pixels[:8], "reconstructions_0": pixels[8:16],
                       "class_names": names})  # fmt: skip
    return folder


def true_elbo(beta, latent_dim):
    """The best is beta 1 with 10 latents; 2 latents are as good but for 0.01 nats."""
    return {0.5: -33.0, 1.0: -30.0, 4.0: -36.0}[beta] + 0.01 * (latent_dim == 10)


@pytest.fixture
def sweep(tmp_path) -> SweepFolder:
    made, jobs = SweepFolder(tmp_path / "outputs" / "sweeps" / "ladder"), {}
    for beta in BETAS:
        for dim in DIMS:
            for seed in SEEDS:
                wobble = 0.2 * np.random.default_rng([seed, dim, int(beta * 10)]).normal() + 1.5 * seed
                name = f"beta-{beta}+latent_dim-{dim}+seed-{seed}-0"
                run_folder(made.path / name, beta=beta, latent_dim=dim, seed=seed, elbo=true_elbo(beta, dim) + wobble,
                           rate=4.0 / beta)  # fmt: skip
                words = ["model=dense", f"beta={beta}", f"latent_dim={dim}", f"seed={seed}", "sweep_name=ladder"]
                jobs[name] = {"overrides": words, "number": len(jobs)}
    run_folder(made.path / "failed", beta=8.0, state="failed").update_status(message="The loss became nan at step 3.")
    jobs["failed"] = {"overrides": ["model=dense", "beta=8"], "number": len(jobs)}
    jobs["never begun"] = {"overrides": ["model=dense", "beta=16"], "number": len(jobs)}
    made.update_record(command="vaelab train -m beta=0.5,1,4,8,16", jobs=jobs, started=1.0)
    return made


def test_the_page_is_whole_and_needs_no_network(sweep):
    numbers = write(sweep)
    page = sweep.html_file.read_text()
    assert set(re.findall(r"src=\"(.{22})", page)) == {"data:image/png;base64,"} and not re.search(
        r"url\(|https?:", page
    )
    assert not [where for where in re.findall(r"href=\"([^\"]*)", page) if where.startswith("/") or ":" in where]
    assert page.count("data:image/png;base64,") == 1 + 4 + 3 * 6  # front, panels, three kinds of tiles
    for text in ("beta 1, latent_dim 10 has the highest elbo",
                 "The smallest latent_dim that cannot be told from it is 2.",
                 "20 jobs: 18 done, 1 failed, 1 not begun", "The loss became nan", "vaelab train -m beta=0.5,1,4,8,16",
                 "vaelab train model=dense beta=1.0 latent_dim=10 seed=2", "nll_is500", ">class J</span>",
                 "1 job is missing: it failed", "All on 40 test images."):  # fmt: skip
        assert text in page, text
    assert "nll_is10<" not in page  # only the sharpest estimate
    assert numbers["jobs/done"] == 18 and numbers["jobs/not_done"] == 1
    pictures = {p.stem for p in (sweep.path / "report").glob("*.png")}
    assert {"rate_distortion", "test_elbo", "test_active_units", "test_knn_accuracy", "test_nll_is500"} <= pictures
    assert "samples_beta-1.0_latent_dim-10" in pictures


def test_the_table_has_a_line_per_job(sweep):
    write(sweep)
    rows = list(csv.DictReader(sweep.csv_file.open()))
    assert len(rows) == 19 and {r["state"] for r in rows} == {"done", "failed"}
    first = rows[0]
    assert (first["beta"], first["latent_dim"], first["seed"]) == ("0.5", "2", "0")
    stored = json.loads((sweep.path / first["folder"] / "metrics.json").read_text())
    assert float(first["test/elbo"]) == stored["test/elbo"]["value"] and first["test/elbo se"] == "0.1"
    assert first["command"] == "vaelab train model=dense beta=0.5 latent_dim=2 seed=0"


def test_seed_noise_and_real_differences_are_told_apart(sweep):
    found = findings(read(sweep))
    real = {d.setting: d.real for d in found.differences}
    assert found.best == (1.0, 10) and found.n_seeds == 3 and found.smallest == 2
    assert real == {(1.0, 2): False, (0.5, 2): True, (0.5, 10): True, (4.0, 2): True, (4.0, 10): True}
    assert found.differences[0].setting == (1.0, 2)  # the nearest first


def test_a_sweep_without_seeds_or_axes_has_a_page_too(tmp_path):
    single = SweepFolder(tmp_path / "single")
    run_folder(single.path / "a")
    single.update_record(command="vaelab train -m", jobs={"a": {"overrides": ["model=dense"], "number": 0}})
    write(single)
    assert '<p class="summary">The elbo is ' in single.html_file.read_text()
    empty = SweepFolder(tmp_path / "empty")
    empty.update_record(command="vaelab train -m", jobs={})
    write(empty)
    assert "No finished job" in empty.html_file.read_text()


def test_a_sweep_over_names_is_drawn(tmp_path):
    sweep = SweepFolder(tmp_path / "names")
    for n, optimizer in enumerate(("adam", "rmsprop", "sgd")):
        trainer = {"epochs": 2, "threads": n, "optimizer": optimizer, "learning_rate": 10.0**-n}
        run_folder(sweep.path / optimizer, elbo=-30.0 - n, trainer=trainer)
    sweep.update_record(jobs={name: {} for name in ("adam", "rmsprop", "sgd")})
    grid = read(sweep)
    assert grid.axes == ["trainer.learning_rate"]  # it changes together with the optimizer; threads change nothing
    write(sweep)
    assert "Against trainer.learning_rate" in sweep.html_file.read_text()


def test_axes_are_what_was_varied():
    facts = [
        {"model": m, "model.filters": f, "beta": b, "seed": s, "objective": "vae"}
        for m, f in (("conv_v1", 64), ("conv_v2", 32), ("conv_v2", 64)) for b in (1, 4) for s in (0, 1)
    ]  # fmt: skip
    assert varied(facts, {"model", "objective"}) == ["beta", "model", "model.filters"]
    two = [f for f in facts if f["model.filters"] == 64]
    assert varied(two, {"model", "objective"}) == ["beta", "model"]


# -- numbers -----------------------------------------------------------------------------------------------------------


def test_two_settings_are_the_paired_t_test():
    rng = np.random.default_rng(1)
    seeds = rng.normal(size=5) * 10
    a, b = seeds + rng.normal(size=5), seeds + 0.7 + rng.normal(size=5)
    values = {("a",): dict(enumerate(a)), ("b",): dict(enumerate(b))}
    best, (difference,) = statistics.against_best(values, higher_is_better=True)
    wanted = stats.ttest_rel(a, b)
    assert (
        best == ("b",)
        and difference.p == pytest.approx(wanted.pvalue)
        and difference.mean == pytest.approx((a - b).mean())
    )
    low, high = wanted.confidence_interval(0.95)
    assert difference.half == pytest.approx((high - low) / 2)


def test_the_interval_is_the_textbooks():
    values = [1.0, 2.0, 4.0]
    found = statistics.interval(values)
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert found.mean - found.half == pytest.approx(low) and found.mean + found.half == pytest.approx(high)
    assert statistics.interval([3.0]).half is None


def test_one_seed_tells_nothing_about_noise():
    best, (difference,) = statistics.against_best({("a",): {0: 1.0}, ("b",): {0: 2.0}}, higher_is_better=False)
    assert best == ("a",) and difference.p is None and difference.mean == 1.0


def test_independent_groups_are_tukeys():
    """Without an effect of seeds the half-width is that of tukey_hsd but for the degrees of freedom."""
    x = np.random.default_rng(2).normal(size=(4, 6)) + np.array([[0], [0.5], [1], [3]])
    x -= x.mean(axis=0) - x.mean()  # no effect of seeds
    best, found = statistics.against_best(
        {(k,): dict(enumerate(row)) for k, row in enumerate(x)}, higher_is_better=True
    )
    textbook = stats.tukey_hsd(*x).confidence_interval(0.95)
    half = (textbook.high - textbook.low)[0, 1] / 2
    critical = [stats.studentized_range.ppf(0.95, 4, v) / np.sqrt(v) for v in (15, 20)]  # residuals' squares / v
    assert best == (3,) and found[0].half == pytest.approx(half * critical[0] / critical[1], rel=1e-6)
    assert all(d.real == (abs(d.mean) > d.half) for d in found)


def test_false_alarms_are_as_rare_as_promised_and_the_intervals_hold_together(monkeypatch):
    """Equal settings, the best chosen on the same data: one sweep in twenty shows a difference, one in twenty an
    interval that misses."""
    ppf = functools.lru_cache(stats.studentized_range.ppf)
    rng, n = np.random.default_rng(0), 1500
    monkeypatch.setattr(stats.studentized_range, "ppf", ppf)  # the same each time, and slow
    monkeypatch.setattr(stats.studentized_range, "sf", lambda q, *of: np.where(q > ppf(0.95, *of), 0.04, 0.5))
    for settings, seeds in ((2, 4), (5, 3), (10, 2)):
        alarms = covered = 0
        truth = np.linspace(0, 0.5, settings)
        for _ in range(n):
            x = rng.normal(size=(settings, seeds)) + 3 * rng.normal(size=seeds)
            _, found = statistics.against_best(
                {(k,): dict(enumerate(r)) for k, r in enumerate(x)}, higher_is_better=True
            )
            alarms += any(d.real for d in found)
            x += truth[:, None]
            best, found = statistics.against_best(
                {(k,): dict(enumerate(r)) for k, r in enumerate(x)}, higher_is_better=True
            )
            covered += all(abs(d.mean - (truth[d.setting[0]] - truth[best[0]])) <= d.half for d in found)
        error = 3 * np.sqrt(0.05 * 0.95 / n)
        assert alarms / n == pytest.approx(0.05, abs=error) and covered / n > 0.95 - error


def test_the_pareto_front():
    points = [(1, 5), (2, 3), (2, 4), (3, 3), (4, 1), (0.5, 9), (5, 2)]
    assert [points[k] for k in statistics.pareto(points)] == [(0.5, 9), (1, 5), (2, 3), (4, 1)]


# -- compare -----------------------------------------------------------------------------------------------------------


def test_compare_pairs_the_images(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    one = run_folder(tmp_path / "outputs" / "one", elbo=-30.0)
    two = run_folder(tmp_path / "outputs" / "two", elbo=-30.0, beta=4.0)
    with np.load(one.codes_file) as codes:
        arrays = dict(codes)
    arrays["test_elbo"] = arrays["test_elbo"] + np.where(np.arange(40) % 2, 0.5, -0.1).astype("float32")
    np.savez(two.codes_file, **arrays)
    assert cli.main(["compare", "run=[outputs/one,outputs/two]"]) == 0
    told = capsys.readouterr().out
    delta = np.where(np.arange(40) % 2, 0.5, -0.1)
    error = delta.std(ddof=1) / np.sqrt(40)
    assert f"+0.2000 ± {error:.4f}" in told and "higher for 50% of 40 images" in told
    assert re.search(r"beta +1 +4", told) and "latent_dim" not in told.partition("metrics")[0]
    assert "test/elbo" in told


def test_compare_pairs_what_was_kept_of_each_image(tmp_path, monkeypatch, capsys):
    """Of the images that both measured; what one alone has is left out."""
    monkeypatch.chdir(tmp_path)
    one, two = (run_folder(tmp_path / "outputs" / name) for name in ("one", "two"))
    values = np.random.default_rng(0).normal(size=40)
    one.add_metrics({}, {"test/nll_is500": (np.arange(40), values), "test/nll_ais": (np.arange(3), values[:3])})
    rows = np.arange(0, 40, 4)
    two.add_metrics({}, {"test/nll_is500": (rows, values[rows] - 2 + 0.1 * (rows % 8 == 0))})
    two.add_metrics({}, {"test/nll_is90": (rows, values[rows])})
    assert set(two.read_by_image("test")) == {"nll_is500", "nll_is90"} and two.read_by_image("train") == {}
    assert cli.main(["compare", "run=[outputs/one,outputs/two]"]) == 0
    told = capsys.readouterr().out.partition("image by image")[2]
    error = 0.1 * np.std(rows % 8 == 0, ddof=1) / np.sqrt(10)
    assert f"-1.9500 ± {error:.4f}" in told and "higher for 0% of 10 images" in told and "nll_ais" not in told


def test_compare_refuses_what_cannot_be_paired(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_folder(tmp_path / "outputs" / "one")
    run_folder(tmp_path / "outputs" / "two", dataset={"_target_": "vaelab.datasets.digits.load", "limit": 9})
    assert cli.main(["compare", "run=[outputs/one,outputs/two]"]) == 0
    assert "not compared: the data differ (dataset.limit" in capsys.readouterr().out
    assert cli.main(["compare", "run=outputs/one"]) == 2
    assert "at least two runs" in capsys.readouterr().err


def test_report_command(sweep, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["report", "sweep=ladder"]) == 0
    assert capsys.readouterr().out.split() == [f"outputs/sweeps/ladder/report.{kind}" for kind in ("html", "csv")]
    assert cli.main(["report"]) == 2 and cli.main(["report", "sweep=lader"]) == 2
    assert "Did you mean 'ladder'" in capsys.readouterr().err


def test_labels_cover_neither_points_nor_one_another(sweep):
    figure = pictures.rate_distortion(read(sweep))
    figure.draw_without_rendering()
    (ax,) = figure.axes
    labels = [t for t in ax.texts if t.get_text()]
    boxes = [t.get_window_extent() for t in labels]
    assert len(boxes) > 6
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


def test_the_summary_says_what_was_found_and_what_is_open(sweep):
    grid = read(sweep)
    said = words.summary(grid, findings(grid))
    assert said.startswith("Of 6 settings, beta 1, latent_dim 10 has the highest elbo: -28.")
    for text in ("4 of the 5 others are worse by more than seeds explain; beta 1, latent_dim 2 cannot be told from it.",
                 "3 seeds tell", "On the Pareto front", "2 jobs have no result"):  # fmt: skip
        assert text in said, said


def test_the_methods_name_data_seeds_and_versions(sweep):
    grid = read(sweep)
    said = words.methods(
        grid, ["python 3.11.7\n\nkeras==3.12.0\nvaelab==1.0\nother==2", "python 3.11.7\nkeras==3.13.0\n"]
    )
    for text in ("Data: digits", "40 test images", "model dense", "varied: beta, latent_dim", "2 epochs",
                 "Seeds: 0, 1, 2.", "Versions: Python 3.11.7, vaelab 1.0, keras 3.12.0 or 3.13.0."):  # fmt: skip
        assert text in said, said
    assert "other" not in said


def test_one_seed_has_no_column_of_noise(tmp_path):
    made = SweepFolder(tmp_path / "outputs" / "sweeps" / "s")
    jobs = {}
    for k, beta in enumerate((1.0, 4.0)):
        folder = run_folder(made.path / f"job {k}", beta=beta, elbo=-30.0 - k)
        folder.explorer_file.write_text("page")
        jobs[folder.path.name] = {"overrides": [f"beta={beta}"], "number": k}
    made.update_record(command="vaelab train -m beta=1,4", jobs=jobs, started=1.0)
    write(made)
    page = made.html_file.read_text()
    assert "beyond seed noise?" not in page and '<th class="n">seeds</th>' not in page and "against the best" in page
    assert 'href="job%200/"' in page and 'href="job%201/explorer.html">explorer</a>' in page
    assert '--h: 100">-30.00' in page and '--h: 0">-31.00' in page


def test_the_table_of_settings_for_other_programs(sweep):
    write(sweep)
    rows = list(csv.DictReader(sweep.table_file("csv").open()))
    assert len(rows) == 6 and rows[0]["seeds"] == "3" and float(rows[0]["p"]) < 0.05
    latex = sweep.table_file("tex").read_text()
    assert latex.count(r"\\") == 7 and r"\begin{tabular}{llr" in latex and r"\pm" in latex
    assert tables.latex("a_b & 5% {x}") == r"a\_b \& 5\% \{x\}"
