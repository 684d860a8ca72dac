"""Models for use elsewhere: every format gives the numbers of Keras, or nothing is promised."""

import importlib.util
import shutil

import numpy as np
import pytest
from support import BACKEND, BARE, vaelab

from vaelab import cli
from vaelab.commands.export import compare

KINDS = {
    "gaussian": ["model=conv_v2"],
    "implicit": ["objective=avb", "posterior=implicit", "model=dense"],
    "conjoint": ["dataset=conjoint_synthetic", "structure=conjoint", "model=dense_synthetic"],
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_format_is_read_back(kind, tmp_path):
    formats = ["keras", "h5", "saved_model", "litert"] + ["onnx"] * (importlib.util.find_spec("tf2onnx") is not None)
    vaelab("train", *KINDS[kind], "trainer=quick", "metric=[elbo]" if kind == "gaussian" else "metric=[]", *BARE,
           f"backend={BACKEND}", cwd=tmp_path)  # fmt: skip
    done = vaelab("export", "run=latest", f"format=[{','.join(formats)}]", "to=out", cwd=tmp_path)
    assert done.stdout.count("of Keras") == 3 * len(formats) and done.stderr == ""
    assert {p.name for p in (tmp_path / "out").iterdir()} == set(formats)


@pytest.mark.parametrize(
    "words,told",
    [
        (["format=onx"], "Did you mean 'onnx'?"),
        (["format=[]"], "format: expected one or several of keras"),
        (["models=[decodr]"], "Did you mean 'decoder'?"),
        (["run=nosuch"], "There is no run 'nosuch'"),
    ],
)
def test_mistakes_are_told(digits_run, monkeypatch, capsys, words, told):
    monkeypatch.chdir(digits_run[0])
    assert cli.main(["export", "run=latest", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_run_without_models_is_told(digits_run, monkeypatch, capsys, tmp_path):
    cwd, run = digits_run
    monkeypatch.chdir(cwd)
    copy = shutil.copytree(run, tmp_path / "copy")
    (copy / "decoder.h5").unlink()
    assert cli.main(["export", f"run={copy}"]) == 2
    assert "has no decoder.h5" in capsys.readouterr().err


def test_outputs_are_matched_by_value_and_a_missing_one_is_seen():
    mean, std = np.array([[1.0, 2.0]]), np.array([[0.5, 0.5]])
    assert compare([mean, std], [std, mean]) == 0
    assert compare([mean, std], [mean + 0.2, std]) == pytest.approx(0.1)
    assert compare([mean, std], [mean]) == np.inf and compare([mean], [mean.T]) == np.inf
