"""`vaelab list` and `vaelab explain`: everything there is, in words."""

import json

import pytest

from vaelab import cli
from vaelab.commands import explain
from vaelab.config import locate


def test_groups_and_options(capsys):
    assert cli.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[: len(locate.groups())]] == locate.groups()
    for group in ("metric", "objective"):
        assert cli.main(["list", group]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == locate.options(group)
    assert any("[Burgess et al., 2018]" in line for line in lines)


def test_options_of_the_user_are_listed(tmp_path, capsys):
    (tmp_path / "metric").mkdir()
    (tmp_path / "metric" / "mine.yaml").write_text("# My own. More.\n# paper: Me, 2026\n# cost: nothing\na: 1\n")
    assert cli.main(["list", "metric", "--config-dir", str(tmp_path), "--json"]) == 0
    (group,) = json.loads(capsys.readouterr().out)["groups"]
    own = [option for option in group["options"] if option["own"]]
    assert own == [{"name": "mine", "sentence": "My own.", "paper": "Me, 2026", "cost": "nothing", "own": True}]
    assert cli.main(["list", f"--config-dir={tmp_path}", "metric"]) == 2  # the group comes first
    assert cli.main(["list", "metric", f"--config-dir={tmp_path}"]) == 0
    assert "  mine                 My own. [Me, 2026] Cost: nothing.\n" in capsys.readouterr().out


def test_the_glossary_is_whole():
    terms = explain.glossary()
    for name, entry in terms.items():
        assert set(entry) <= {"is", "also", *explain.FIELDS} and entry["is"].endswith("."), name
        for other in entry.get("see", "").split(", "):
            assert not other or other in terms, f"{name}: see {other}"
    words = [word for name, entry in terms.items() for word in (name, *entry.get("also", ()))]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("metric", locate.options("metric"))
def test_every_metric_is_explained(metric):
    explain.named(metric, explain.glossary())


@pytest.mark.parametrize(
    "typed,term",
    [("elbo", "elbo"), ("test/ELBO", "elbo"), ("active units", "active_units"), ("nll_is500", "nll"),
     ("test/nll_is500_khat", "khat"), ("rate_critic", "rate_critic"), ("dci_disentanglement", "dci"),
     ("ood_noise_elbo_auroc", "auroc"), ("test/rate.se", "rate")],
)  # fmt: skip
def test_a_term_is_found_as_it_is_met(typed, term):
    assert explain.named(typed, explain.glossary()) == term


def test_a_term_with_all_its_fields(capsys):
    assert cli.main(["explain", "elbo"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("elbo: ") and all(word in told for word in ("formula ", "unit ", "says ", "not ", "source "))


@pytest.mark.parametrize(
    "typed,told",
    [("m2", ["objective=m2: ", "vaelab train objective=m2 --help"]),
     ("score=knn", ["score=knn: ", "vaelab score score=knn"]), ("realnvp", ["posterior=realnvp: ", "prior=realnvp: "]),
     ("model", ["conv_v2", "vaelab list model"]), ("capacity", ["capacity: "]), ("ood", ["auroc: "])],
)  # fmt: skip
def test_options_and_groups_are_explained_too(capsys, typed, told):
    assert cli.main(["explain", f"term={typed}" if "=" not in typed else f"term='{typed}'"]) == 0
    out = capsys.readouterr().out
    assert all(words in out for words in told), out


@pytest.mark.parametrize(
    "typed,sentence",
    [("vampp", "no term or option 'vampp'. Did you mean 'vamp'?"), ("zzzz", "vaelab list all options.")],
)
def test_what_nothing_explains(capsys, typed, sentence):
    assert cli.main(["explain", typed]) == 2
    assert sentence in capsys.readouterr().err
