"""What the page is given: rows, maps, colours, small pictures."""

import io

import numpy as np
import pytest
from fake_run import FakeRun, settings
from scipy.special import expit

from vaelab.errors import ConfigError
from vaelab.explorer.content import NONE, content, run_line


class LinearRun(FakeRun):
    """Without Keras: decode(z) = sigmoid(z W)."""

    def decode(self, z, *given):
        rng = np.random.default_rng(5)
        weights = [rng.normal(size=(self.latent_dim, h * w * c)) for h, w, c in self.data_shapes]
        return tuple(expit(np.asarray(z) @ m).reshape(-1, *s) for m, s in zip(weights, self.data_shapes))


def made(run, **changes):
    return content(run, run_line="run=x", settings=settings(**{"iterations": 250, "encoder": False, **changes}))


def test_codes_are_the_split_s_in_the_order_of_rows():
    run = LinearRun(n=90)
    shown = made(run)
    assert sorted(shown.facts["rows"]) == list(range(90))
    assert np.allclose(shown.codes, run.codes[shown.facts["rows"]], atol=2e-3)
    assert np.array_equal(shown.colours[0], run.y[shown.facts["rows"]])


def test_codes_on_the_tsne_map_come_first_and_the_rest_are_not_on_it():
    shown = made(LinearRun(n=200), points=150, tsne_points=60)
    tsne, pca = shown.maps
    assert shown.maps.shape == (2, 150, 2) and shown.facts["maps"][0]["n"] == 60
    assert np.isfinite(tsne[:60]).all() and np.isnan(tsne[60:]).all() and np.isfinite(pca).all()


def test_the_tsne_map_is_the_picture_s():
    from vaelab.view import projections

    run = LinearRun(n=80)
    s = settings(tsne_points=50, encoder=False)
    shown = content(run, run_line=None, settings=s)
    map_ = projections.project(run, "test", "tsne", 50, **{k: s[k] for k in ("engine", "perplexity", "iterations")})
    by_row = dict(zip(map_.rows.tolist(), map_.points))
    assert all(np.array_equal(shown.maps[0][k], by_row[row]) for k, row in enumerate(shown.facts["rows"][:50]))


def test_two_latents_are_their_own_map():
    assert made(LinearRun(latent_dim=2)).facts["maps"] == []


def test_more_than_256_classes_and_unlabelled_images():
    run = LinearRun(n=900, class_names=[f"class {k}" for k in range(700)])
    run.y[:5] = -1
    shown = made(run, projections=["pca"])
    by_row = dict(zip(shown.facts["rows"], shown.colours[0].tolist()))
    assert shown.colours.dtype == np.uint16 and [by_row[r] for r in range(5)] == [NONE] * 5
    assert max(v for v in by_row.values() if v != NONE) > 256


def test_known_factors_and_tags_are_ways_to_colour():
    run = LinearRun(n=60, class_names=())
    run.factor_names, run.factor_sizes, run.tag_names = ("size",), (4,), ("plain", "stripes")
    run.split_.factors = np.arange(60)[:, None] % 4
    run.split_.tags = np.stack([np.arange(60) % 2] * 2, axis=1)
    ways = made(run, projections=[]).facts["colourings"]
    assert [w["name"] for w in ways] == ["size", "tag of view 1", "tag of view 2"]
    assert [w["kind"] for w in ways] == ["ordinal", "class", "class"]


def test_small_pictures_stand_in_rows_and_large_ones_shrink():
    from PIL import Image

    run = LinearRun(n=50, shapes=((8, 8, 1), (40, 80, 3)))
    shown = made(run, projections=["pca"])
    assert shown.facts["atlas"] == {"cols": 8, "n": 50, "sizes": [[8, 8], [16, 32]]}
    sheet = np.asarray(Image.open(io.BytesIO(shown.atlases[0])).convert("L"))
    want = np.round(run.decode(run.codes[shown.facts["rows"]])[0] * 255)
    assert np.array_equal(sheet[8:16, 16:24], want[10, :, :, 0])  # picture 10: second row, third column


def test_thumbnails_can_be_kept_out():
    shown = made(LinearRun(n=50), thumbnails=False)
    assert shown.atlases == [] and shown.facts["atlas"] is None


def test_real_valued_data_have_their_own_range():
    run = LinearRun(n=50)
    run.data_kind = "real"
    run.decode = lambda z, *given: (np.random.default_rng(0).normal(3, 2, (len(z), 4, 4, 1)).astype(np.float32),)
    low, high = made(run, projections=[]).facts["views"][0]["range"]
    assert -4 < low < 0 and 6 < high < 10


def test_codes_too_large_for_half_precision_are_kept_whole():
    run = LinearRun(n=50)
    run.codes[3, 0] = 1e6
    shown = made(run, projections=[])
    assert shown.codes.dtype == np.float32 and 1e6 in shown.codes


def test_a_diverged_run_is_told():
    run = LinearRun(n=50)
    run.codes[3, 0] = np.nan
    with pytest.raises(ConfigError, match="diverged"):
        made(run)


def test_critics_rates_leave_latents_in_order_of_spread():
    assert made(LinearRun(n=50, closed_form=False), projections=[]).facts["rate"] is None


def test_one_latent_and_few_images():
    shown = made(LinearRun(latent_dim=1, n=4))
    assert shown.facts["n"] == 4 and shown.facts["maps"] == []


def test_the_run_s_folder_is_quoted_for_a_shell():
    assert run_line("outputs/a b") == "\"run='outputs/a b'\""
    assert run_line("outputs/x") == "run=outputs/x"


def test_terms_of_the_elbo_and_the_posterior_s_spread_travel_with_the_codes():
    run = LinearRun(n=60)
    shown, part = made(run, projections=[]), run.split_
    rows = shown.facts["rows"]
    elbo, distortion, rate, std = shown.numbers
    assert [n["name"] for n in shown.facts["numbers"]] == ["elbo", "distortion", "rate", "posterior std"]
    assert np.allclose(distortion, part.distortion[rows]) and np.allclose(rate, part.rate[rows])
    assert np.allclose(elbo, -distortion - rate, atol=1e-3) and np.allclose(std, 1) and np.all(shown.stds == 1)
    assert len(shown.draws) == 0


def test_a_posterior_that_is_no_gaussian_travels_as_draws():
    shown = made(LinearRun(n=2000, closed_form=False), projections=[])
    assert shown.draws.shape == (16, 2000, 6) and shown.facts["noise"] == 6
    assert np.allclose(shown.draws.mean(axis=0), shown.codes, atol=2)
    assert 0.8 < shown.draws.astype(float).std(axis=0).mean() < 1.1


def test_the_condition_is_offered_and_every_example_has_its_own():
    run = LinearRun(n=60, conditional=True)
    shown = made(run, projections=[])
    (field,) = shown.facts["condition"]["fields"]
    assert field["choices"] == ["zero", "one", "two"] and shown.facts["condition"]["columns"] == 3
    assert "traversal" in shown.facts["condition"]["plots"] and "tsne" not in shown.facts["condition"]["plots"]
    assert np.array_equal(shown.given[:, 0], run.y[shown.facts["rows"]])
    z, given = shown.golden["decode"][0][:, :6], shown.golden["decode"][0][:, 6:]
    assert np.allclose(z, shown.codes[: len(z)]) and np.array_equal(given.argmax(axis=1), shown.given[: len(z), 0])


def test_the_pca_map_has_a_formula_for_any_code_and_tsne_none():
    shown = made(LinearRun(n=80))
    tsne, pca = shown.facts["maps"]
    z = shown.codes.astype(float) - pca["linear"]["centre"]
    assert np.allclose(z @ np.transpose(pca["linear"]["axes"]), shown.maps[1], atol=5e-3)
    assert tsne["linear"] is None


@pytest.mark.slow
def test_a_umap_map_has_the_images_of_the_tsne_map():
    pytest.importorskip("umap", reason='pip install "vaelab[umap]"')
    shown = made(LinearRun(n=120), projections=["umap", "tsne"], tsne_points=60)
    assert [m["name"] for m in shown.facts["maps"]] == ["UMAP", "t-SNE"]
    assert np.array_equal(*(np.isfinite(m[:, 0]) for m in shown.maps)) and np.isfinite(shown.maps[0, :60]).all()


def kept(run, epochs, images=30):
    rows = np.random.default_rng(1).permutation(len(run.codes))[:images]
    pictures = lambda n: np.zeros((n, 28, 28, 1), np.uint8)  # noqa: E731
    run._frames = [
        (e, {"codes": run.codes[rows] * e, "code_rows": rows, "rows": rows[:4], "samples_0": pictures(6),
             "reconstructions_0": pictures(4)})
        for e in range(epochs)
    ]  # fmt: skip
    return rows


def test_epochs_that_training_kept_travel_evenly():
    run = LinearRun(n=60)
    rows = kept(run, epochs=9)
    shown = made(run, projections=[], frames=3)
    assert shown.facts["frames"]["epochs"] == [0, 4, 8] and shown.facts["frames"]["sizes"] == [[28, 28]]
    order = np.array(shown.facts["rows"])
    assert np.array_equal(order[shown.frames.places], rows) and len(shown.frames.sheets) == 1
    assert np.allclose(shown.frames.codes[1], 4 * run.codes[rows], atol=2e-2)
    assert order[shown.facts["frames"]["reconstructed"]].tolist() == rows[:4].tolist()
    assert made(run, projections=[], frames=0).frames is None
    assert made(LinearRun(n=60), projections=[]).facts["frames"] is None


def test_of_the_kept_images_those_on_the_page_travel():
    run = LinearRun(n=60)
    rows = kept(run, epochs=2)
    shown = made(run, projections=[], points=20)
    here = set(rows) & set(shown.facts["rows"])
    assert shown.facts["frames"]["images"] == len(here) == len(shown.frames.places) < 20
