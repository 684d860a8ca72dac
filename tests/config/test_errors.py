"""What a user mistypes ends in exit 2 and a sentence, before Keras is imported and before data are read."""

import pytest
from support import rest_slow

from vaelab import cli

WRONG = [
    ("latent_dims=3", "latent_dims is not a setting. Did you mean 'latent_dim'?"),
    ("+model.latent_dims=3", "Did you mean 'latent_dim' (without 'model.')?"),
    ("dataset=fashonmnist", "Did you mean 'fashionmnist'?"),
    ("trainer.epochs=-1", "expected an integer greater than 0 or null, got -1"),
    ("trainer.epochs=1.5", "expected an integer greater than 0 or null, got 1.5"),
    ("beta=abc", "beta: expected a number 0 or greater, got 'abc'"),
    ("beta=-1", "beta: expected a number 0 or greater, got -1"),
    ("plots.dpi=5", "plots.dpi: expected an integer from 30 to 600 or null, got 5"),
    ("plots.format=[png,gif]", "plots.format: expected one of png, pdf, svg or a list (each one of png, pdf, svg)"),
    ("plots.format=[]", "that is not empty, got []"),
    ("plots.width=poster", "plots.width: expected one of paper, slide, got 'poster'"),
    ("~plots.format", "plots.format is missing"),
    ("~plots.dpi", "plots.dpi is null already; a setting cannot be taken away"),
    ("plots.tsne.iterations=100", "plots.tsne.iterations: expected an integer 250 or greater, got 100"),
    ("beta=nan", "beta: expected a number 0 or greater"),
    ("backend=tensorflw", "expected one of tensorflow, jax, torch, got 'tensorflw'"),
    ("model.kernel_size=[3]", "model.kernel_size: expected an integer greater than 0, got [3]"),
    ("model.activation=rellu", "model.activation: expected one of relu"),
    ("model=conv_v3", "Did you mean 'conv_v2'?"),
    ("modle=dense", "Did you mean 'model'?"),
    ("trainer.epocs=3", "Did you mean 'trainer.epochs'?"),
    ("metric=[ebo]", "Did you mean 'elbo'?"),
    ("dataset.limit=1", "dataset.limit: expected an integer 2 or greater or null, got 1"),
    ("dataset.classes=[1]", "dataset.classes is not a setting. There are: dataset.binarize"),
    ("trainer.lr=0.1", "Did you mean 'trainer.learning_rate'?"),
    ("dataset.val_split=0.1", "Did you mean 'dataset.validation'?"),
    ("beta=1,2", "beta=1,2 is a sweep: add -m"),
    ("+trainer.epochs=3", "trainer.epochs is a setting already"),
    ("foo", "'foo' is not of the form key=value"),
    ("model._target_=os.system", "names os.system, which is none of vaelab's parts"),
    ("model._target_=vaelab.models.dense.Nothing", "there is no vaelab.models.dense.Nothing"),
]


@pytest.mark.parametrize("override,sentence", WRONG, ids=[w for w, _ in WRONG])
@pytest.mark.quick(17)
def test_wrong_input_is_said_in_a_sentence(override, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", override]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert "Traceback" not in told and len(told.strip().splitlines()) <= 2
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    "words,sentence",
    [
        (["data", "show", "dataset=quickdraw", "dataset.classes=[cat]"], "Did you mean 'dataset.categories'?"),
        (["data", "show", "dataset=quickdraw", "+dataset.classes=[cat]"], "Did you mean 'categories'?"),
        (["data", "show", "dataset=image_folder", "dataset.categories=[a]"], "Did you mean 'dataset.classes'?"),
        (["data", "show", "seed=-1"], "seed: expected an integer 0 or greater, got -1"),
        (["data", "show", "dataset=quickdraw", "dataset.categories=[cat,cat]"], "expected different names"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_meant_is_found_by_meaning_and_with_the_chosen_options(words, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    assert sentence in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["evaluate", "plot", "resume", "export"])
@pytest.mark.parametrize("override", rest_slow(["tracking=none", "latent_dim=3", "dataset=mnist"], 1))
def test_what_belongs_to_training_is_told_apart_from_a_slip(command, override, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main([command, "run=latest", override]) == 2
    told = capsys.readouterr().err
    assert f"{override.partition('=')[0]} is set by vaelab train, not here. vaelab {command} --help" in told


@pytest.mark.parametrize(
    "command,override",
    [("evaluate", "metric.knn_accuracy.k=5"), ("plot", "plot.tsne.k=5"), ("train", "metric.elbo.x=1"),
     ("train", "experiment.x=1")],
)  # fmt: skip
def test_a_commands_own_groups_are_not_somebody_elses(command, override, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main([command, override]) == 2
    told = capsys.readouterr().err
    assert "not here" not in told and "is not a setting" in told


def test_all_problems_are_told_at_once(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "latent_dims=3", "dataset=minst", "trainer.epocs=3"]) == 2
    told = capsys.readouterr().err
    assert all(name in told for name in ("'latent_dim'", "'mnist'", "'trainer.epochs'"))


def test_a_sweep_is_checked_whole_before_its_first_job(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "-m", "beta=1,abc"]) == 2
    assert "got 'abc'" in capsys.readouterr().err
    assert not (tmp_path / "outputs").exists()


def test_broken_yaml_names_file_and_line(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine/dataset").mkdir(parents=True)
    (tmp_path / "mine/dataset/broken.yaml").write_text("# mine\n_target_: [unclosed\n")
    assert cli.main(["train", "--config-dir", "mine", "dataset=broken"]) == 2
    told = capsys.readouterr().err
    assert "broken.yaml, line" in told and "not valid yaml" in told


def test_user_options_win_over_built_in_ones(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine/model").mkdir(parents=True)
    mine = "_target_: vaelab.models.dense.Dense\nhidden_dims: [7]\nactivation: tanh\n"
    (tmp_path / "mine/model/dense.yaml").write_text(mine)
    (tmp_path / "mine/model/tiny.yaml").write_text(mine)
    for name in ("dense", "tiny"):
        assert cli.main(["train", f"model={name}", "--config-dir", "mine", "--cfg", "job"]) == 0
        assert "- 7" in capsys.readouterr().out


def test_config_dir_must_be_a_folder(capsys):
    assert cli.main(["train", "--config-dir", "/nowhere/at/all"]) == 2
    assert "expected a folder" in capsys.readouterr().err


@pytest.mark.slow
def test_images_too_small_to_downsample(command):
    done = command("train", "model.layers=5", check=False)
    assert done.returncode == 2
    assert "Images of 8x8 cannot be downsampled 5 times by 2" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_command(capsys):
    assert cli.main(["trian"]) == 2
    assert "Did you mean 'train'?" in capsys.readouterr().err
