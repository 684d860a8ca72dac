"""What a part must have is asked for in a sentence, what it may have has one default."""

import ast
import importlib
from pathlib import Path

import pytest
import yaml

import vaelab
from vaelab import contracts
from vaelab.config import locate
from vaelab.contracts import BY_GROUP, Architecture, Likelihood, Objective, Plot, Schedule, check, optional
from vaelab.errors import ConfigError

OPTIONS = [(group, name) for group in BY_GROUP for name in locate.options(group)]


class Net:
    def encoder(self, data_shape, noise_dim=0): ...
    def decoder(self, data_shape, latent_dim, likelihood_channels): ...


def without_noise(self, data_shape): ...
def with_more(self, data_shape, noise_dim=0, width=3): ...
def by_other_names(self, shape, k): ...
def with_stars(self, *sizes, **more): ...
def that_asks_for_more(self, data_shape, noise_dim, width): ...


@pytest.mark.parametrize("group,option", OPTIONS)
def test_every_part_of_vaelab_keeps_its_contract(group, option):
    content = yaml.safe_load(locate.option_file(group, option).read_text(encoding="utf-8"))
    module, _, name = content["_target_"].rpartition(".")
    check(getattr(importlib.import_module(module), name), BY_GROUP[group], content["_target_"])


@pytest.mark.parametrize("encoder", [with_more, by_other_names, with_stars])
def test_more_arguments_other_names_and_stars_are_fine(encoder):
    fitting = type("Fitting", (Net,), {"encoder": encoder})
    assert check(fitting, Architecture, "mine.Fitting") is fitting
    part = fitting()
    assert check(part, Architecture, "mine.Fitting") is part


@pytest.mark.parametrize(
    "encoder,words",
    [
        (without_noise, r"^mine\.Own: Own\.encoder\(data_shape\) does not take noise_dim; the contract Architecture "
                        r"in vaelab/contracts\.py calls it with \(data_shape, noise_dim=0\)\.$"),
        (that_asks_for_more, r"Own\.encoder asks for width; .* \(data_shape, noise_dim=0\) alone\.$"),
        (None, r"^mine\.Own: Own has no encoder, which the contract Architecture"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_in_a_sentence(encoder, words):
    own = type("Own", (Net,), {"encoder": encoder})
    for part in (own, own()):
        with pytest.raises(ConfigError, match=words):
            check(part, Architecture, "mine.Own")


def test_arguments_by_name_keep_their_names():
    class Loss:
        terms = ("distortion",)

        def __init__(self, *, structure): ...
        def losses(self, x, outputs, log_likelihood, stage): ...

    with pytest.raises(
        ConfigError, match=r"Loss\(\*, structure\) does not take seed; .* calls it with \(\*, structure, "
    ):
        check(Loss, Objective, "mine.Loss")


def test_what_the_constructor_makes_is_asked_of_the_part_alone():
    class Loss:
        def __init__(self, *, structure, seed, steps=3):
            if steps:
                self.terms = ("distortion",)

        def losses(self, x, outputs, log_likelihood, stage): ...

    check(Loss, Objective, "mine.Loss")
    check(Loss(structure=None, seed=0), Objective, "mine.Loss")
    with pytest.raises(ConfigError, match="Loss has no terms"):
        check(Loss(structure=None, seed=0, steps=0), Objective, "mine.Loss")


def test_a_class_is_not_called_for_its_metaclass():
    class Still: ...

    with pytest.raises(ConfigError, match="Still has no __call__"):
        check(Still, Schedule, "mine.Still")


def test_functions_are_asked_for_what_they_are_called_with():
    def picture(view, *, n): ...
    def nothing(): ...

    assert check(picture, Plot, "mine.picture") is picture
    with pytest.raises(ConfigError, match=r"mine\.nothing\(\) does not take view"):
        check(nothing, Plot, "mine.nothing")
    with pytest.raises(ConfigError, match="does not take seed"):
        check(lambda *, data_dir: None, BY_GROUP["dataset"], "mine.load")


def test_a_keras_layer_is_asked_for_its_call():
    from keras import layers

    class Own(layers.Layer):
        closed_form = has_moments = False

        def __init__(self, *, latent_dim, seed, name): ...
        def body(self, make_encoder, data_shape): ...
        def call(self, features): ...
        def exported(self, features, noise): ...
        def layer_rows(self): ...

    with pytest.raises(ConfigError, match=r"Own.__call__\(features\) does not take training and samples"):
        check(Own, BY_GROUP["posterior"], "mine.Own")


def test_a_default_is_the_contract_s():
    class Bare: ...

    assert optional(Bare(), Objective, "ranks_models_by") == "loss"
    assert optional(Bare(), Likelihood, "misfit") is None and contracts.misfit_of(Bare(), None) is None
    Bare.ranks_models_by = None
    assert optional(Bare(), Objective, "ranks_models_by") is None
    with pytest.raises(KeyError):
        optional(Bare(), Objective, "losses_in_words")


def test_it_imports_nothing_heavy():
    import subprocess
    import sys

    heavy = "{'keras', 'numpy', 'yaml', 'omegaconf', 'tensorflow'} & set(sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", f"import sys, vaelab.contracts; print({heavy})"], capture_output=True, text=True
    )
    assert found.stdout.strip() == "set()"


@pytest.mark.slow
def test_no_layer_has_a_private_name_of_torchs_module():
    """On torch each layer is a torch.nn.Module, whose dictionaries are instance attributes that hide a method."""
    torch = pytest.importorskip("torch")
    taken = {name for name in dir(torch.nn.Module()) if not name.endswith("__")} - set(dir(torch.nn.Module))
    assert "_parameters" in taken
    for path in sorted(Path(vaelab.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                own = {n.name for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
                assert not own & taken, f"{path.name}, {node.name}: {own & taken}"
