"""The main job on the digits: a complete run folder, models that open anywhere, identical repetition."""

import functools
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import yaml
from support import BACKEND, BARE, same_weights, vaelab, weights

FILES = {
    "config.yaml", ".hydra", "encoder.h5", "decoder.h5", "vae.h5", "history.csv", "metrics.json", "codes.npz",
    "figures", "environment.txt", "run.log", "checkpoint", "status.json",
}  # fmt: skip


def test_run_folder_is_complete(digits_run):
    _, run = digits_run
    assert {p.name for p in run.iterdir()} >= FILES
    status = json.loads((run / "status.json").read_text())
    assert status["state"] == "done" and status["epochs"] == 2 and status["run_name"] == "first"
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["trainer"]["threads"] >= 1 and config["trainer"]["epochs"] == 2


def test_first_pictures_are_there(digits_run):
    names = {p.stem for p in (digits_run[1] / "figures").glob("*.png")}
    pictures = {"training_curves", "reconstructions", "samples", "tsne", "latent_scatter", "manifold", "interpolation"}
    assert names >= pictures


def test_pictures_are_titled_by_what_was_chosen_wherever_the_run_lies(tmp_path):
    from vaelab.jobs.telling import title
    from vaelab.records.run_folder import RunFolder

    folder = RunFolder(tmp_path / "elsewhere/mine")
    folder.path.mkdir(parents=True)
    folder.update_status(chosen={"dataset": "mnist", "model": "dense", "objective": "avb", "plot": "tsne"})
    assert title({"run_name": None, "beta": 0.5}, folder, 3) == "mnist-dense-avb, 3 latents, beta 0.5"
    assert title({"run_name": "mine", "beta": 0.5}, folder, 3) == "mine"


@pytest.mark.parametrize(
    "chosen,words",
    [
        ({}, "dataset=digits model=conv_v2 beta=0.5,1,4 latent_dim=2,10"),
        ({"model": "dense", "objective": "capacity"}, "model=dense objective=capacity seed=0,1,2 latent_dim=2,10"),
        ({"structure": "conjoint", "dataset": "mnist_backgrounds"}, "structure=conjoint beta=0.5,1,4"),
        ({"experiment": "static_mnist", "dataset": "mnist"}, "experiment=static_mnist beta=0.5,1,4 latent_dim=2,10"),
    ],
)
@pytest.mark.quick(2)
def test_the_sweep_proposed_next_is_one_of_the_same_kind(chosen, words):
    from vaelab.config.compose import check_sweep
    from vaelab.jobs.telling import next_sweep

    plain = {
        "dataset": "digits",
        "model": "conv_v2",
        "structure": "single",
        "posterior": "gaussian",
        "objective": "vae",
    }
    proposed = next_sweep(plain | chosen, [])
    assert " ".join(proposed).endswith(words)
    check_sweep(proposed)  # every job of it is a configuration


def test_the_sweep_proposed_next_repeats_what_was_typed():
    from vaelab.config.compose import check_sweep
    from vaelab.jobs.telling import next_sweep

    chosen = {"dataset": "digits", "model": "dense", "structure": "single", "posterior": "gaussian", "objective": "vae"}
    typed = ["model=dense", "dataset.limit=500", "trainer.epochs=3", "model.hidden_dims=[32]", "beta=2", "latent_dim=5",
             "run_name=mine", "seed=4", "output_dir=elsewhere", "plot=[samples]"]  # fmt: skip
    proposed = next_sweep(chosen, typed)
    assert set(typed) - set(proposed) == {"beta=2", "latent_dim=5", "run_name=mine"}
    assert set(proposed) - set(typed) == {"dataset=digits", "beta=0.5,1,4", "latent_dim=2,10"}
    check_sweep(proposed)
    assert next_sweep(chosen, ["--config-dir=mine", "trusted=[mine]"])[-4:-2] == ["--config-dir=mine", "trusted=[mine]"]
    assert "seed=0,1,2" in next_sweep(chosen | {"objective": "capacity"}, typed)


def test_what_cannot_work_is_told_before_training():
    from types import SimpleNamespace

    from parts import config

    from vaelab.datasets.base import Dataset, Split
    from vaelab.jobs import results
    from vaelab.jobs.stored import planned_view
    from vaelab.priors.standard import Standard

    cfg = config("metric=[elbo,mig,rate_per_latent]", "plot=[samples,manifold_3d,training_animation,tsne]")
    x = np.zeros((20, 8, 8, 1), np.uint8)
    structure = SimpleNamespace(
        latent_dim=2, closed_form=False, latent_parts={"z": slice(0, 2)}, prior=Standard(latent_dim=2)
    )
    view, told = planned_view(structure, Dataset("none", Split((x,)), Split((x,)))), []

    def tell(level, text):
        told.append(text)

    metrics = results.applicable(view, cfg["metrics"], "metric", trusted=(), tell=tell)
    plots = results.applicable(view, cfg["plots"], "plot", trusted=(), tell=tell)
    chosen = {name for nodes in (metrics, plots) for name in results.chosen(nodes)}
    assert chosen == {"elbo", "samples", "training_animation", "tsne"}
    assert [line.split(" left out: ")[0] for line in told] == [
        "metric mig",
        "metric rate_per_latent",
        "plot manifold_3d",
    ]


def test_metrics_carry_what_they_were_computed_from(digits_run):
    metrics = json.loads((digits_run[1] / "metrics.json").read_text())
    for name in ("test/elbo", "test/distortion", "test/rate", "test/active_units"):
        assert {"value", "se", "n", "split", "data", "samples", "weights_epoch"} <= set(metrics[name])
        assert metrics[name]["split"] == "test" and metrics[name]["data"] == "grey" and metrics[name]["n"] == 360
    elbo = -(metrics["test/distortion"]["value"] + metrics["test/rate"]["value"])
    assert metrics["test/elbo"]["value"] == pytest.approx(elbo, rel=1e-9)


def test_codes_agree_with_metrics(digits_run):
    codes = np.load(digits_run[1] / "codes.npz")
    metrics = json.loads((digits_run[1] / "metrics.json").read_text())
    assert codes["test_elbo"].mean() == pytest.approx(metrics["test/elbo"]["value"], rel=1e-5)
    assert len(codes["train_mean"]) == len(codes["train_y"]) and codes["test_mean"].shape == (360, 2)
    mean, std = codes["test_mean"].astype(float), codes["test_std"].astype(float)
    rate = (0.5 * (mean**2 + std**2 - 1) - np.log(std)).sum(1)
    np.testing.assert_allclose(rate, codes["test_rate"], rtol=1e-4, atol=1e-4)


PLAIN_KERAS = """
import importlib.util, sys
class Refuse:
    def find_spec(self, name, *more):
        if name.partition(".")[0] == "vaelab": raise ImportError("vaelab is not here")
sys.meta_path.insert(0, Refuse())
try:
    import vaelab
except ImportError:
    pass
else:
    raise SystemExit("vaelab could be imported")
import keras, numpy as np
run, out = sys.argv[1:]
encoder, decoder, vae = (keras.models.load_model(f"{run}/{m}.h5") for m in ("encoder", "decoder", "vae"))
from sklearn.datasets import load_digits
x = (np.round(load_digits().images[-360:] * 255 / 16)[..., None] / 255).astype("float32")
mean, std = encoder.predict(x, verbose=0)
np.savez(out, mean=mean, std=std, decoded=decoder.predict(mean, verbose=0), again=vae.predict(x, verbose=0))
"""


def test_h5_files_open_without_vaelab_and_give_the_same_numbers(digits_run, tmp_path):
    _, run = digits_run
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", PLAIN_KERAS, run, tmp_path / "out.npz"], cwd=tmp_path, env=environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    plain, codes = np.load(tmp_path / "out.npz"), np.load(run / "codes.npz")
    np.testing.assert_allclose(plain["mean"], codes["test_mean"], atol=1e-6)
    np.testing.assert_allclose(plain["std"], codes["test_std"], atol=1e-6)
    np.testing.assert_allclose(plain["decoded"], plain["again"], atol=1e-6)
    assert plain["again"].shape == (360, 8, 8, 1) and plain["again"].min() >= 0 and plain["again"].max() <= 1


def test_mlflow_has_the_run(digits_run):
    mlflow = pytest.importorskip("mlflow")
    cwd, run = digits_run
    client = mlflow.MlflowClient(f"sqlite:///{cwd}/outputs/mlflow.db")
    found = client.get_run(json.loads((run / "status.json").read_text())["mlflow_run_id"])
    assert found.info.status == "FINISHED" and found.info.run_name == "first"
    assert found.data.params["model"] == "dense" and found.data.params["latent_dim"] == "2"
    assert found.data.params["trainer.batch_size"] == "128"
    metrics = json.loads((run / "metrics.json").read_text())
    assert found.data.metrics["test/elbo"] == pytest.approx(metrics["test/elbo"]["value"])
    assert [m.step for m in client.get_metric_history(found.info.run_id, "train/loss")] == [1, 2]
    tags = found.data.tags
    assert tags["backend"] == BACKEND and tags["data.kind"] == "grey" and len(tags["data.checksum"]) == 16
    artifacts = {a.path for a in client.list_artifacts(found.info.run_id)}
    assert {"config.yaml", "environment.txt", "metrics.json", "history.csv", "models", "figures"} <= artifacts
    assert len(client.list_artifacts(found.info.run_id, "models")) == 3
    assert found.inputs.dataset_inputs[0].dataset.name == "digits"


def history(run) -> list:
    """history.csv but for the columns of time."""
    rows = (run / "history.csv").read_text().splitlines()
    kept = [n for n, name in enumerate(rows[0].split(",")) if not name.startswith("time/")]
    return [[row.split(",")[n] for n in kept] for row in rows]


@pytest.mark.slow
def test_the_same_training_without_pictures_and_tracking_gives_identical_weights(digits_run, tmp_path):
    words = ["train", "model=dense", "trainer=quick", f"backend={BACKEND}", *BARE, "metric=[]"]
    vaelab(*words, f"output_dir={tmp_path}", fresh=True)
    (status,) = tmp_path.glob("*/*/status.json")
    assert same_weights(status.parent, digits_run[1]) and history(status.parent) == history(digits_run[1])


@pytest.mark.slow
@pytest.mark.parametrize("model", ["dense", "conv_v2"])
def test_the_same_command_twice_gives_identical_weights_and_another_seed_others(model, tmp_path):
    """A picture, a metric and a tracking server more must not change a bit either."""
    words = ["train", f"model={model}", "trainer=quick", f"backend={BACKEND}", *BARE, "dataset.binarize=dynamic"]
    vaelab(*words, "metric=[]", f"output_dir={tmp_path}/one", fresh=True)
    vaelab(*words, "tracking=mlflow", "metric=[elbo]", f"output_dir={tmp_path}/two")
    vaelab(*words, "metric=[]", "seed=1", f"output_dir={tmp_path}/other")
    one, two, other = (next((tmp_path / n).glob("*/*/status.json")).parent for n in ("one", "two", "other"))
    assert same_weights(one, two) and history(one) == history(two)
    assert len(weights(one)) > 20 and not same_weights(one, other)


@pytest.mark.slow
def test_a_loss_that_is_no_number_stops_the_run(command, tmp_path):
    done = command("train", "model=dense", "trainer=quick", "trainer.optimizer=sgd", "trainer.learning_rate=1e30",
                   f"backend={BACKEND}", check=False)  # fmt: skip
    assert done.returncode == 1
    assert "at step" in done.stderr and "Last finite means" in done.stderr and "Try" in done.stderr
    assert "Traceback" not in done.stderr
    (status,) = tmp_path.glob("outputs/*/*/status.json")
    assert json.loads(status.read_text())["state"] == "failed"


@pytest.mark.slow
def test_tracking_that_cannot_be_reached_costs_a_warning(command, tmp_path):
    done = command("train", "model=dense", "trainer=quick", "plot=[]", f"backend={BACKEND}",
                   "tracking.uri=http://127.0.0.1:9")  # fmt: skip
    assert "warning: tracking at http://127.0.0.1:9 does not work" in done.stderr
    (status,) = tmp_path.glob("outputs/*/*/status.json")
    content = json.loads(status.read_text())
    assert content["state"] == "done" and content["mlflow_delivered"] is False


@pytest.mark.slow
def test_bfloat16_trains_and_saves_float32(command, tmp_path):
    command("train", "model=conv_v1", "trainer=quick", "trainer.precision=bfloat16", "plot=[]", "tracking=none",
            f"backend={BACKEND}")  # fmt: skip
    (status,) = tmp_path.glob("outputs/*/*/status.json")
    h5py = pytest.importorskip("h5py")
    with h5py.File(status.parent / "vae.h5") as file:
        config = file.attrs["model_config"]
        assert "bfloat16" not in (config if isinstance(config, str) else config.decode())
    elbo = json.loads((status.parent / "metrics.json").read_text())["test/elbo"]["value"]
    assert -60 < elbo < -20


def test_nothing_of_tensorflow_on_the_terminal(digits_run):
    log = (digits_run[1] / "run.log").read_text()
    assert "oneDNN" not in log and "cpu_feature_guard" not in log


@pytest.fixture(scope="module")
def elbo_of(tmp_path_factory):
    """Function (model, backend) -> the test elbo of ten epochs."""

    @functools.cache
    def trained(model, backend):
        folder = tmp_path_factory.mktemp("backend")
        words = ["train", f"model={model}", "trainer=quick", "trainer.epochs=10", "metric=[elbo]", *BARE]
        vaelab(*words, f"backend={backend}", f"output_dir={folder}")
        (metrics,) = folder.glob("*/*/metrics.json")
        return json.loads(metrics.read_text())["test/elbo"]["value"]

    return trained


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("model", ["dense", "conv_v1", "conv_v2"])
def test_other_backends_train_the_same_models(backend, model, elbo_of):
    pytest.importorskip(backend)
    assert elbo_of(model, backend) == pytest.approx(elbo_of(model, "tensorflow"), abs=4)
