"""A run that was killed any number of times ends in the bytes of the run that never was."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from support import BACKEND, started, vaelab

MODELS = {
    "dense": ["model=dense"],
    "conv_v2": ["model=conv_v2"],
    "avb": ["model=dense", "posterior=implicit", "objective=avb"],
}
LEARNED = {
    "mixture": ["prior=mixture", "prior.components=5"],
    "vamp": ["prior=vamp", "prior.pseudo_inputs=20"],
    "vamp of images": ["prior=vamp", "prior.pseudo_inputs=20", "prior.start_from=images"],
    "exemplar": ["prior=exemplar", "prior.terms=5"],
    "exemplar at random": ["prior=exemplar", "prior.terms=50", "prior.choose=random"],
    "realnvp": ["prior=realnvp", "prior.couplings=2", "prior.hidden_dims=[16]"],
    "condition": ["condition=label"],
    "two levels": [
        "structure=two_level",
        "structure.levels=[4,2]",
        "structure.hidden_dim=32",
        "prior=vamp",
        "prior.pseudo_inputs=20",
    ],
    "m2": ["condition=label", "objective=m2", "objective.hidden_dims=[32]", "dataset.labelled=40"],
    "posterior realnvp": ["posterior=realnvp", "posterior.couplings=2", "posterior.hidden_dims=[16]"],
}


def words(model, run, **more):
    settings = {"dataset.limit": 600, "dataset.binarize": "dynamic", "beta_schedule": "warmup", "metric": "[elbo]",
                "plot": "[]", "tracking": "none", **more}  # fmt: skip
    return [*MODELS[model], *(f"{k}={v}" for k, v in settings.items()), f"backend={BACKEND}", f"hydra.run.dir={run}"]


def killed_while_writing(process, run: Path) -> bool:
    """SIGKILL at a moment when a checkpoint is half written; False if the process ended before."""
    while process.poll() is None:
        if any(run.glob("checkpoint/.writing-*/*")):
            process.send_signal(signal.SIGSTOP)
            if any(run.glob("checkpoint/.writing-*/*")):
                process.kill()
                process.wait()
                assert any(run.glob("checkpoint/.writing-*"))
                return True
            process.send_signal(signal.SIGCONT)
        time.sleep(0.0005)
    return False


def killed_while_training(process, run: Path, share: float) -> bool:
    """SIGKILL after the second new checkpoint, so long as a share of the time from the first to it."""
    seen, newest = [], epochs(run)
    while process.poll() is None and len(seen) < 2:
        if epochs(run) > newest:
            seen, newest = [*seen, time.monotonic()], epochs(run)
        time.sleep(0.002)
    return killed_after(process, share * (seen[-1] - seen[0])) if len(seen) == 2 else False


def killed_after(process, seconds: float) -> bool:
    """SIGKILL so long from now (from the start: libraries, data or the checkpoint are being read)."""
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True


def killed_while_ending(process, run: Path) -> bool:
    """SIGKILL when training is over and the models are being saved; False if the process ended before."""
    while process.poll() is None:
        if (run / "encoder.h5").exists():
            process.kill()
            process.wait()
            return not (run / "codes.npz").exists()
        time.sleep(0.002)
    return False


def epochs(run: Path) -> int:
    return max((int(p.name[-6:]) for p in run.glob("checkpoint/epoch-*")), default=0)


def results(run: Path) -> dict:
    """Everything a run leaves, as bytes; columns of time left out."""
    newest = sorted(run.glob("checkpoint/epoch-*"))[-1]
    found = {
        f"{f}/{k}": (a.dtype.str, a.shape, a.tobytes())
        for f in sorted(file.stem for file in newest.glob("*.npz"))
        for k, a in np.load(newest / f"{f}.npz").items()
    }
    found |= {f"codes/{k}": a.tobytes() for k, a in np.load(run / "codes.npz").items()}
    found |= {file.name: file.read_bytes() for file in sorted(run.glob("*.h5"))}
    if (run / "prior.npz").is_file():
        found |= {f"prior/{k}": a.tobytes() for k, a in np.load(run / "prior.npz").items()}
    found["metrics"] = (run / "metrics.json").read_bytes()
    rows = [line.split(",") for line in (run / "history.csv").read_text().splitlines()]
    for n, name in enumerate(rows[0]):
        if not name.startswith("time/"):
            found[f"history/{name}"] = [row[n] for row in rows]
    state = json.loads((newest / "state.json").read_text())
    found["state"] = {k: v for k, v in state.items() if k != "history"}
    return found


def assert_identical(run: Path, reference: Path) -> None:
    one, two = results(run), results(reference)
    assert one.keys() == two.keys() and len(one) > 40
    assert [k for k in one if one[k] != two[k]] == []


def kill_and_resume(cwd, run: Path, first: list[str], kills: list) -> int:
    """Starts, kills, resumes, ...; then lets it end. Returns how many kills hit."""
    hit, process = 0, started("train", *first, cwd=cwd)
    for n, (kill, *seconds) in enumerate(kills, start=1):
        if kill == "training":
            dead = killed_while_training(process, run, *seconds)
        elif kill == "starting":
            dead = killed_after(process, *seconds)
        else:
            dead = {"writing": killed_while_writing, "ending": killed_while_ending}[kill](process, run)
        hit += dead
        if not dead:
            break
        assert "killed" in vaelab("runs", "output_dir=.", cwd=cwd).stdout
        assert kill == "ending" or not (run / "encoder.h5").exists()
        fresh = any(kill == "starting" for kill, *_ in kills[n : n + 1])  # killed among its own imports
        process = started("resume", f"run={run}", cwd=cwd, fresh=fresh)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return hit


@pytest.mark.slow
def test_killed_twice_and_resumed_gives_the_same_bytes(tmp_path):
    reference, run = tmp_path / "reference", tmp_path / "run"
    length = {"trainer.epochs": 20, "trainer.early_stopping": 18}
    vaelab("train", *words("dense", reference, **length), cwd=tmp_path)
    assert kill_and_resume(tmp_path, run, words("dense", run, **length), [("writing",), ("training", 1.4)]) == 2
    assert_identical(run, reference)
    leftovers = [p.name for p in run.rglob(".*") if p.name not in (".lock", ".update.lock", ".hydra")]
    assert leftovers == [] and len(list(run.glob("checkpoint/*"))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("learned", LEARNED)
def test_what_a_prior_a_flow_or_a_conditional_model_learned_survives_a_kill(learned, tmp_path):
    reference, run = tmp_path / "reference", tmp_path / "run"
    length, more = {"trainer.epochs": 12, "explorer": "none"}, ["model.hidden_dims=[32]", *LEARNED[learned]]
    vaelab("train", *words("dense", reference, **length), *more, cwd=tmp_path)
    assert kill_and_resume(tmp_path, run, [*words("dense", run, **length), *more], [("training", 0.5)]) == 1
    assert_identical(run, reference)
    assert (run / "prior.npz").is_file() == (not learned.startswith(("posterior", "condition", "m2")))
    assert (run / "condition.json").is_file() == (learned in ("condition", "m2"))


def killed_and_compared(model, tmp_path, n_epochs, kills):
    """A run of so many epochs, a checkpoint every 3, and the same killed so often end in the same bytes."""
    reference, run = tmp_path / "reference", tmp_path / "run"
    length = {"trainer.epochs": n_epochs, "trainer.checkpoint_every": 3, "explorer": "none"}
    vaelab("train", *words(model, reference, **length), cwd=tmp_path, fresh=True)
    assert kill_and_resume(tmp_path, run, words(model, run, **length), kills) == len(kills)
    assert_identical(run, reference)


@pytest.mark.slow
def test_killed_again_and_again(tmp_path):
    """Eight kills: at random moments of training and of starting again, three times while a checkpoint is being
    written, and once when all epochs are done and the models are being saved."""
    draw = random.Random("dense").uniform
    kills = [("writing",), ("training", draw(0, 1)), ("starting", draw(0, 3)), ("writing",), ("training", draw(0, 2)),
             ("writing",), ("training", 0.0), ("ending",)]  # fmt: skip
    killed_and_compared("dense", tmp_path, 60, kills)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["conv_v2", "avb"])
def test_batch_statistics_and_a_critic_survive_kills(model, tmp_path):
    kills = [("writing",), ("training", random.Random(model).uniform(0, 2)), ("ending",)]
    killed_and_compared(model, tmp_path, 24, kills)


# -- what resume says --------------------------------------------------------------------------------------------------


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """A run folder as a finished run of 5 epochs leaves it; nothing was trained."""
    from omegaconf import OmegaConf

    from vaelab.config.compose import compose
    from vaelab.records.run_folder import RunFolder

    monkeypatch.chdir(tmp_path)
    folder = RunFolder(tmp_path / "outputs" / "runs" / "one")
    folder.write_config(OmegaConf.to_container(compose("train", ["trainer.epochs=5"]), resolve=True))
    folder.update_status(state="done", epochs=5, run_name="one")
    return folder


@pytest.mark.parametrize(
    "words,code,told",
    [
        ([], 0, "is finished (trainer.epochs=5). For longer training give a larger number."),
        (["trainer.epochs=3"], 2, "expected more than the 5 of outputs/runs/one, got 3"),
        (["trainer.steps=9000"], 2, "This run counts epochs"),
        (["trainer.learning_rate=1"], 2, "trainer.learning_rate is not a setting"),
    ],
)
@pytest.mark.quick(4)
def test_resume_says_what_it_does_not_do(finished, capsys, words, code, told):
    from vaelab import cli

    assert cli.main(["resume", "run=one", *words]) == code
    assert told in "".join(capsys.readouterr())


def test_a_run_ended_by_early_stopping_has_nothing_to_go_on_with(finished, capsys):
    from vaelab import cli

    finished.update_status(stopped_early=True)
    assert cli.main(["resume", "run=one", "trainer.epochs=50"]) == 0
    assert "was ended by early stopping in epoch 5" in capsys.readouterr().out


def test_a_second_process_is_told_who_trains_the_run(finished, capsys):
    from vaelab import cli

    finished.update_status(state="running")
    with finished.locked():
        assert cli.main(["resume", "run=one", "trainer.epochs=50"]) == 2
        assert f"outputs/runs/one is being trained by process {os.getpid()} on" in capsys.readouterr().err
        assert cli.main(["runs"]) == 0 and " running " in capsys.readouterr().out
    assert cli.main(["runs"]) == 0 and " killed " in capsys.readouterr().out
    cli.main(["runs", "state=killed", "n=1"])
    assert "outputs/runs/one" in capsys.readouterr().out


def test_looking_at_the_lock_does_not_take_it(finished):
    """`vaelab runs` and the sweep's table look at locks all the time; a run that starts must not trip over that."""
    import threading

    stop = threading.Event()
    lookers = [threading.Thread(target=lambda: [finished.holder() for _ in iter(stop.is_set, True)]) for _ in "abc"]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(30):
            with finished.locked():
                pass
    finally:
        stop.set()
        for looker in lookers:
            looker.join()
