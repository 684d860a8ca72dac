"""Perfect, useless, redundant and entangled codes under every score that needs factors."""

import numpy as np
import pytest
from scipy.linalg import hadamard
from sklearn.svm import LinearSVC

from vaelab.errors import ConfigError
from vaelab.metrics import dci as dci_module
from vaelab.metrics import histogram
from vaelab.metrics import sap as sap_module
from vaelab.metrics.betavae_score import betavae_score
from vaelab.metrics.dci import dci
from vaelab.metrics.factorvae_score import factorvae_score
from vaelab.metrics.fixed_factor import FixedFactor
from vaelab.metrics.mig import mig
from vaelab.metrics.modularity import modularity
from vaelab.metrics.sap import sap

COMMON = {"split": "test", "code": "mean"}
BINS = {**COMMON, "bins": 20}
PARTED = {**COMMON, "train_images": 1500, "test_images": 1000}
VOTES = {**COMMON, "train_votes": 600, "test_votes": 400}
SCORES = {
    "mig": (mig, BINS),
    "modularity": (modularity, {**BINS, "min_information": 0.05}),
    "dci": (dci, {**PARTED, "model": "forest", "trees": 10, "min_leaf": 5}),
    "sap": (sap, {**PARTED, "measure": "svm"}),
    "accuracy": (sap, {**PARTED, "measure": "accuracy"}),
    "correlation": (sap, {**PARTED, "measure": "correlation"}),
    "factorvae": (factorvae_score, {**VOTES, "batch": 32, "threshold": 0.05}),
    "betavae": (betavae_score, {**VOTES, "pairs": 32}),
}
N, SIZES = 3000, (3, 4, 5, 6)


def factors():
    rng = np.random.default_rng(0)
    return np.stack([rng.integers(k, size=N) for k in SIZES], axis=1)


def codes(kind):
    rng, f = np.random.default_rng(1), factors()
    scaled = (f - f.mean(axis=0)) / f.std(axis=0)
    if kind == "perfect":  # a factor per latent, in another order and sign, and two latents of noise
        return np.concatenate([-scaled[:, ::-1], rng.normal(size=(N, 2))], axis=1)
    if kind == "useless":
        return rng.normal(size=(N, 6))
    if kind == "redundant":  # every factor twice
        return np.concatenate([scaled, -scaled], axis=1)
    if kind == "entangled":
        return scaled @ hadamard(4)  # every latent holds every factor alike
    if kind == "merged":  # one latent holds two factors
        return np.stack([scaled[:, 0] + 6 * scaled[:, 1], scaled[:, 2], scaled[:, 3]], axis=1)
    raise ValueError(kind)


@pytest.fixture
def scored(code_view):
    def score(name, kind):
        function, settings = SCORES[name]
        view = code_view(codes(kind), 0.0 + 1e-6, factors=factors())
        return {key: s.value for key, s in function(view, **settings).items()}

    return score


def test_mig(scored):
    assert scored("mig", "perfect")["mig"] == pytest.approx(1, abs=0.01)
    assert scored("mig", "perfect")["mig_factor_2"] == pytest.approx(1, abs=0.01)
    for kind in ("useless", "redundant"):
        assert scored("mig", kind)["mig"] == pytest.approx(0, abs=0.01)
    assert scored("mig", "entangled")["mig"] < 0.1


def test_modularity(scored):
    assert scored("modularity", "perfect")["modularity"] == pytest.approx(1, abs=0.01)
    assert scored("modularity", "redundant")["modularity"] == pytest.approx(1, abs=0.01)  # latents, not factors
    assert scored("modularity", "useless")["modularity"] == 0
    assert scored("modularity", "merged")["modularity"] < 0.95


def test_modularity_of_one_latent_that_holds_two_of_four_factors(code_view):
    f = np.random.default_rng(0).integers(4, size=(N, 4))
    view = code_view((4.0 * f[:, 0] + f[:, 1])[:, None], factors=f)
    score = modularity(view, **SCORES["modularity"][1])["modularity"]
    assert score.value == pytest.approx(1 - 1 / 3, abs=0.01) and "1 of 1 latents" in score.note


def test_dci(scored):
    perfect, useless = scored("dci", "perfect"), scored("dci", "useless")
    redundant, merged = scored("dci", "redundant"), scored("dci", "merged")
    for key in perfect:
        assert perfect[key] > 0.98
    assert useless["dci_disentanglement"] < 0.05 and useless["dci_completeness"] < 0.05
    assert useless["dci_informativeness"] == pytest.approx(np.mean(1 / np.array(SIZES)), abs=0.05)
    assert redundant["dci_disentanglement"] > 0.98 and redundant["dci_completeness"] < 0.9
    assert merged["dci_completeness"] > 0.95 and merged["dci_disentanglement"] < 0.9


def test_dci_of_known_importances():
    assert dci_module._scores(np.eye(4)) == pytest.approx((1, 1))
    assert dci_module._scores(np.ones((5, 4))) == pytest.approx((0, 0))
    twice = np.repeat(np.eye(3), 2, axis=0)  # two latents per factor: completeness 1 - log 2 / log 6
    assert dci_module._scores(twice) == pytest.approx((1, 1 - np.log(2) / np.log(6)))
    assert dci_module._scores(twice.T) == pytest.approx((1 - np.log(2) / np.log(6), 1))
    dead = np.concatenate([np.eye(3), np.zeros((3, 3))])  # an unused latent costs nothing
    assert dci_module._scores(dead) == pytest.approx((1, 1))


def test_boosting_has_keys_of_its_own(code_view):
    settings = {**SCORES["dci"][1], "model": "boosting"}
    perfect, useless = (dci(code_view(codes(kind), factors=factors()), **settings) for kind in ("perfect", "useless"))
    assert all(
        perfect[f"dci_{k}_boosting"].value > 0.98 for k in ("disentanglement", "completeness", "informativeness")
    )
    assert useless["dci_disentanglement_boosting"].value < 0.05 and len(useless) == 3


def test_sap(scored):
    assert scored("accuracy", "perfect")["sap_accuracy"] == pytest.approx(np.mean(1 - 1 / np.array(SIZES)), abs=0.04)
    assert scored("correlation", "perfect")["sap_correlation"] == pytest.approx(1, abs=0.01)
    for name, key in (("sap", "sap"), ("accuracy", "sap_accuracy"), ("correlation", "sap_correlation")):
        for kind in ("useless", "redundant"):
            assert scored(name, kind)[key] == pytest.approx(0, abs=0.05)


def test_sap_by_a_linear_machine_is_that_of_the_reference(scored, code_view):
    """One against the rest, a linear machine in one latent names the outer values and misses those between: of a factor
    of two values all, of one of six at most the two ends and what bias leaves."""
    assert scored("sap", "perfect")["sap"] < scored("accuracy", "perfect")["sap_accuracy"]
    f = np.random.default_rng(0).integers(2, size=(N, 2))
    found = sap(code_view(2.0 * f - 1, factors=f), **SCORES["sap"][1])["sap"].value
    assert found == pytest.approx(0.5, abs=0.03)
    machine = LinearSVC(C=0.01, class_weight="balanced", dual=True, random_state=0)  # as disentanglement_lib sets it
    x, y = codes("entangled"), factors()[:, 3]
    fitted, judged = np.arange(N) < 2000, np.arange(N) >= 2000
    wanted = np.mean(machine.fit(x[fitted, :1], y[fitted]).predict(x[judged, :1]) == y[judged])
    assert sap_module._svm(x[fitted, :1], y[fitted], x[judged, :1], y[judged])[0] == pytest.approx(wanted, abs=0.01)


def test_factorvae_score(scored):
    for kind in ("perfect", "redundant"):
        assert scored("factorvae", kind)["factorvae_score"] > 0.99
    assert scored("factorvae", "useless")["factorvae_score"] == pytest.approx(0.25, abs=0.1)
    assert scored("factorvae", "entangled")["factorvae_score"] < 0.5


def test_a_narrow_latent_counts(code_view):
    """The threshold is one of standard deviations: 0.15 is above 0.05, its square is not."""
    narrow = codes("perfect")[:, :4] * [0.15, 1, 1, 1]
    view = code_view(narrow, 0.01, factors=factors())
    assert factorvae_score(view, **SCORES["factorvae"][1])["factorvae_score"].value > 0.99
    view = code_view(narrow * [1 / 3.1, 1, 1, 1], 0.01, factors=factors())  # 0.048
    score = factorvae_score(view, **SCORES["factorvae"][1])["factorvae_score"]
    assert score.value < 0.9 and "3 of 4 latents" in score.note


@pytest.mark.parametrize("name", ["factorvae", "betavae"])
@pytest.mark.quick(1)
def test_random_codes_are_at_chance_on_a_small_split(code_view, name):
    """200 images: votes that share images between training and judging lie well above 1 / F."""
    function, settings = SCORES[name]
    settings, found, chance = {**settings, "train_votes": 2000, "test_votes": 1000}, [], []
    for seed in range(12):
        rng = np.random.default_rng([7, seed])
        f = np.stack([rng.integers(k, size=200) for k in (3, 4, 10, 8, 8)], axis=1)
        scores = function(code_view(rng.normal(size=(200, 10)), factors=f, seed=seed), **settings)
        found.append(scores[f"{name}_score"].value)
        chance.append(scores[f"{name}_score_chance"].value)
    for values in (found, chance):
        assert abs(np.mean(values) - 0.2) < 3 * np.std(values, ddof=1) / np.sqrt(12) and np.std(values) < 0.08


def test_the_chance_of_perfect_codes_is_chance(scored):
    for name in ("factorvae", "betavae"):
        found = scored(name, "perfect")
        assert found[f"{name}_score"] > 0.98 and found[f"{name}_score_chance"] == pytest.approx(0.25, abs=0.06)


def test_partners_agree_and_differ():
    factor = np.array([3, 1, 1, 3, 2, 1])
    fixed, rng = FixedFactor(factor, "f"), np.random.default_rng(0)
    anchors = fixed.anchors(3000, rng)
    partners, members = fixed.partners(anchors, rng), fixed.members(anchors, rng)
    assert (factor[partners] == factor[anchors]).all() and (partners != anchors).all() and 4 not in anchors
    assert (factor[members] == factor[anchors]).all() and (members == anchors).any()
    counts = np.bincount(partners[anchors == 1], minlength=6)  # the two others, alike
    assert counts[[2, 5]].min() > 0.4 * counts.sum() and counts[[2, 5]].sum() == counts.sum()


def test_a_constant_code_is_at_chance(code_view):
    view = code_view(np.zeros((N, 3)), factors=factors())
    score = factorvae_score(view, **SCORES["factorvae"][1])["factorvae_score"]
    assert score.value == 0.25 and "no latent" in score.note
    assert betavae_score(view, **SCORES["betavae"][1])["betavae_score"].value == pytest.approx(0.25, abs=0.1)
    assert mig(view, **BINS)["mig"].value == 0
    disentangled = dci(view, **SCORES["dci"][1])
    assert disentangled["dci_disentanglement"].value == pytest.approx(0, abs=1e-9)
    assert disentangled["dci_completeness"].value == pytest.approx(0, abs=1e-9)


def test_betavae_score(scored):
    for kind in ("perfect", "redundant"):
        assert scored("betavae", kind)["betavae_score"] > 0.98
    assert scored("betavae", "useless")["betavae_score"] == pytest.approx(0.25, abs=0.1)


def test_samples_are_judged_where_asked(code_view):
    """Means that tell everything drown in the spread of q(z|x)."""
    view = code_view(1e-3 * codes("perfect"), 1.0, factors=factors())
    assert mig(view, **BINS)["mig"].value > 0.9
    assert mig(view, **{**BINS, "code": "sample"})["mig"].value < 0.02


def test_a_factor_that_never_varies_is_left_out(code_view):
    f = np.concatenate([factors(), np.ones((N, 1), int)], axis=1)
    score = mig(code_view(codes("perfect"), factors=f), **BINS)
    assert "left out: factor_4" in score["mig"].note and "mig_factor_4" not in score
    assert score["mig"].value == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", SCORES)
def test_without_factors_it_is_refused(code_view, name):
    function, settings = SCORES[name]
    with pytest.raises(ConfigError, match="needs the generative factors"):
        function(code_view(np.zeros((5, 2))), **settings)


def test_information_of_independent_and_equal_variables():
    rng = np.random.default_rng(0)
    a, b = rng.integers(20, size=(2, 2000, 1))
    assert histogram.mutual_information(a, b)[0, 0] == pytest.approx(0, abs=0.02)  # uncorrected: 0.09
    assert histogram.mutual_information(a, a)[0, 0] == pytest.approx(np.log(20), abs=0.01)
    assert histogram.mutual_information(a, np.concatenate([a, b], axis=1)).shape == (1, 2)


def test_bins_are_of_equal_width():
    codes = np.array([[0.0, 7.0], [0.24, 7.0], [0.26, 7.0], [1.0, 7.0]])
    assert histogram.binned(codes, 4).tolist() == [[0, 0], [0, 0], [1, 0], [3, 0]]
