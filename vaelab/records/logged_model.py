"""A run's reconstruction network as a model of MLflow's: vae.h5, which Keras opens, beside two small files.

`mlflow.pyfunc.load_model("runs:/<id>/model").predict(images)` works in a process without vaelab; nothing is computed
for it.
"""

import json
from pathlib import Path

import yaml

# Runs where the model is loaded, with Keras and numpy alone.
LOADER = '''"""vae.h5 by Keras: images in [0, 1] (several inputs by name) -> the means of p(x|z) at the mean code."""

import keras
import numpy as np


def _load_pyfunc(path):
    return Reconstruction(keras.models.load_model(path, compile=False))


class Reconstruction:
    def __init__(self, model):
        self.model = model

    def predict(self, data, params=None):
        made = self.model.predict(data if isinstance(data, dict) else np.asarray(data, "float32"), verbose=0)
        return list(made) if isinstance(made, list | tuple) else made
'''


def files(vae: Path, into: Path) -> list[tuple[Path, str]]:
    """(file, folder below the run's artifacts) of the model; empty where there is no vae.h5.

    Args:
        vae: vae.h5.
        into: a folder for the files that are made.
    """
    if not vae.is_file():
        return []
    described, loader = into / "MLmodel", into / "reconstruction_of_vae.py"
    described.write_text(yaml.safe_dump(_described(vae)), encoding="utf-8")
    loader.write_text(LOADER, encoding="utf-8")
    return [(described, "model"), (loader, "model/code"), (vae, "model")]


def _described(vae: Path) -> dict:
    """Content of MLmodel."""
    flavor = {"loader_module": "reconstruction_of_vae", "code": "code", "data": vae.name, "env": {}}
    inputs = json.dumps([_tensor(name, shape) for name, shape in _inputs(vae)])
    return {"artifact_path": "model", "flavors": {"python_function": flavor}, "signature": {"inputs": inputs}}


def _tensor(name: str | None, shape: list) -> dict:
    tensor = {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, *shape[1:]]}}
    return tensor if name is None else {"name": name, **tensor}


def _inputs(vae: Path) -> list[tuple[str | None, list]]:
    """(name, shape with the batch) of each input of an `.h5` model; one alone has no name."""
    import h5py

    with h5py.File(vae, "r") as file:
        layers = json.loads(str(file.attrs["model_config"]))["config"]["layers"]
    found = [layer["config"] for layer in layers if layer["class_name"] == "InputLayer"]
    return [(config["name"] if len(found) > 1 else None, config["batch_shape"]) for config in found]
