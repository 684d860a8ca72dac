"""--json: exactly one document on standard output, with the keys that are documented."""

import json

import numpy as np
import pytest
import yaml
from parts import config

from vaelab import cli
from vaelab.config.commands import JSON
from vaelab.records.run_folder import RunFolder


@pytest.fixture
def document(capsys):
    """Function (words): types them with --json; returns (exit code, the document, standard error)."""

    def typed(*words):
        code = cli.main([*words, "--json"])
        told = capsys.readouterr()
        return code, json.loads(told.out), told.err

    return typed


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """A folder with three runs of two datasets, as far as records go."""
    base, rng = tmp_path_factory.mktemp("json"), np.random.default_rng(0)
    for n, (name, dataset) in enumerate((("one", "digits"), ("two", "mnist"), ("three", "digits"))):
        folder = RunFolder(base / "outputs" / f"{dataset}-dense-vae" / name)
        folder.path.mkdir(parents=True)
        stored = config("model=dense", f"beta={n + 1}", "plot=[]", "explorer=none")
        (folder.path / "config.yaml").write_text(yaml.safe_dump(stored))
        chosen = {"dataset": dataset, "model": "dense", "objective": "vae"}
        folder.update_status(state="done", run_name=name, chosen=chosen, started=100 + n, latent_dim=2, mlflow_uri="x")
        score = {"value": -10.0 - n, "se": 0.1, "n": 20, "split": "test", "data": "grey", "weights_epoch": 1}
        folder.add_metrics({"test/elbo": score, "test/nan": {**score, "value": float("nan")}})
        terms = {f"test_{k}": rng.normal(size=20) for k in ("distortion", "rate", "elbo")}
        folder.save_codes(terms | {"test_y": np.arange(20) % 10})
    return base


def test_runs(outputs, document, monkeypatch):
    monkeypatch.chdir(outputs)
    code, found, err = document("runs")
    assert code == 0 and set(found) == set(JSON["runs"])
    assert [run["run_name"] for run in found["runs"]] == ["two", "one", "three"]  # datasets together, the newest last
    first = found["runs"][1]
    assert first["elbo"] == -10.0 and first["started"] == 100 and first["folder"].endswith("digits-dense-vae/one")
    assert "age" not in first and "one" in err  # the table went there
    _, found, _ = document("runs", "columns=[run_name,test/nan,trainer.batch_size]", "sort=beta", "n=1")
    assert [{k: run[k] for k in ("run_name", "test/nan", "trainer.batch_size")} for run in found["runs"]] == [
        {"run_name": "three", "test/nan": None, "trainer.batch_size": 128}
    ]
    assert document("runs", "output_dir=nowhere")[:2] == (0, {"runs": []})


def test_compare(outputs, document, monkeypatch):
    monkeypatch.chdir(outputs)
    code, found, _ = document("compare", "run=[one,three]")
    assert code == 0 and set(found) == set(JSON["compare"])
    assert found["configuration"]["beta"] == [1, 3] and found["metrics"]["test/elbo"][1] == {"value": -12.0, "se": 0.1}
    (pair,) = found["paired"]
    assert pair["why_not"] is None and {t["term"] for t in pair["terms"]} == {"elbo", "distortion", "rate"}
    assert set(pair["terms"][0]) == {"term", "mean", "se", "higher", "n"}


@pytest.mark.parametrize("command", sorted(JSON))
def test_an_error_is_a_document_too(command, document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, found, err = document(command, "nothing_like_it=5")
    assert code == 2 and set(found) == {"error"} and found["error"] in err


def test_list_and_explain(document):
    for command in ("list", "explain"):
        code, found, _ = document(command)
        assert code == 0 and set(found) == set(JSON[command])
    assert document("explain", "elbo")[1]["terms"]["elbo"]["unit"].startswith("nats")


def test_what_is_printed_elsewhere_is_no_part_of_the_document(capsys):
    from vaelab.system import streams
    from vaelab.system.exits import exit_code_of

    def work():
        print("from somewhere")
        streams.document(a=[1], b=np.float32(0.5))
        streams.document(a=[float("inf")], c=None)
        return 1

    assert exit_code_of(work, as_json=True) == 1
    told = capsys.readouterr()
    assert json.loads(told.out) == {"a": [1, None], "b": 0.5, "c": None} and told.err == "from somewhere\n"
    streams.document(a=1)  # outside nothing happens


def test_a_verdict(outputs, capsys):
    from vaelab.commands import reproduce
    from vaelab.system.exits import exit_code_of

    folder = RunFolder(outputs / "outputs/digits-dense-vae/one")
    expect = {"elbo": {"value": "elbo", "published": -10.0, "within": 0.5}, "low": {"value": "elbo", "at_most": -11.0}}
    assert exit_code_of(lambda: 0 if reproduce.settle(folder, expect) else 1, as_json=True) == 1
    found = json.loads(capsys.readouterr().out)
    assert set(found) == set(JSON["reproduce"])
    (run,) = found["runs"]
    assert run["passed"] is False and [v["passed"] for v in run["verdicts"]] == [True, False]
    folder.forget_verdicts()
