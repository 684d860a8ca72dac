"""From a configuration to a complete run folder: what `vaelab train`, a sweep's job, `resume`, `reproduce` do."""

import logging
import math
import signal
import time
from types import SimpleNamespace

from vaelab.config import trust, words
from vaelab.errors import ConfigError, Interrupted, RunError, VaelabError, first_line, tracebacks_kept
from vaelab.jobs import opening, results
from vaelab.jobs.stored import PlannedView
from vaelab.records import environment
from vaelab.records.run_folder import RunFolder
from vaelab.system import signals
from vaelab.system.printing import NOTE

log = logging.getLogger(__name__)


def train(
    cfg: dict,
    folder: RunFolder,
    *,
    chosen: dict,
    sweep_dir=None,
    overrides=(),
    original: RunFolder | None = None,
    accept_changed_data: bool = False,
    tracking=None,
    output_dir=None,
) -> float | None:
    """Trains (or goes on training) the run in `folder`; returns the value that ranks it at the weights that were kept.

    Args:
        cfg: resolved configuration as plain containers.
        folder: the run's folder; a checkpoint in it is continued.
        chosen: {group: option}, for tags.
        sweep_dir: the sweep this run belongs to, or None.
        overrides: words of the command line, repeated in what is proposed next; they join those of an earlier start.
        original: the run that is repeated, or None.
        accept_changed_data: go on where the data are not those the run (or the original) was trained on.
        tracking, output_dir: as the user has them now, where `cfg` is that of an earlier run.

    Raises:
        Interrupted: stopped by the user; everything finished is saved.
        VaelabError: what the user can do something about.
    """
    trust.check_parts(cfg)
    started, clock = time.time(), time.monotonic()  # the first may be set back meanwhile
    opening.start_backend(cfg)
    with (
        signals.handled_by(signal.default_int_handler),
        folder.locked(),
        folder.logging(),
        tracebacks_kept(folder.log),
    ):
        cfg = opening.as_begun(cfg, folder)
        new = opening.recorded_checksum(original or folder) is None
        vae, dataset, plan_steps, monitored = prepare(cfg, new=new)
        dataset = opening.as_trained_on(original or folder, dataset, accept=accept_changed_data)
        folder.write_config(cfg)
        name = cfg["run_name"] or (folder.path.name if sweep_dir else f"{folder.path.parent.name}/{folder.path.name}")
        first = folder.status().get("started", started)
        facts = {"started": first, "run_name": name, "chosen": chosen, "monitored": monitored}
        facts["overrides"] = words.merged(folder.status().get("overrides") or (), overrides)
        facts["latent_dim"] = vae.structure.latent_dim
        folder.update_status(state="running", message=None, **facts)
        tracking, output_dir = tracking or cfg["tracking"], output_dir or cfg["output_dir"]
        tracker = start_tracking(cfg, folder, dataset, tracking, output_dir, sweep_dir)
        try:
            value = work(cfg, folder, vae, dataset, plan_steps, tracker, clock)
        except BaseException as error:
            ended_badly(error, folder, tracker)
            if isinstance(error, (Interrupted, KeyboardInterrupt)):
                again = words.pasteable("resume", words.setting("run", folder))
                raise Interrupted(
                    f"stopped; finished epochs are saved. Continue with: {words.program()} {again}"
                ) from None
            raise
        folder.update_status(state="done", finished=time.time(), seconds=time.monotonic() - clock)
        tracker.finish("done")
    return value


def prepare(cfg: dict, *, new: bool):
    """(model, dataset, total steps, the key that marks the best epoch).

    A model that cannot take the data's shape is refused before data are read.

    Args:
        new: whether this is no continuation or repetition of an earlier run, which may be what is refused today.
    """
    from vaelab.build import SMALLER, build
    from vaelab.config.together import check_optimizer
    from vaelab.datasets.prepare import declared_shapes
    from vaelab.system import memory
    from vaelab.training.fit import held_out, monitored_key, plan

    check_optimizer(cfg["trainer"])
    optimize, early_stopping = cfg["optimize"], cfg["trainer"]["early_stopping"]
    declared = declared_shapes(cfg["dataset"])
    if declared is not None:
        with memory.weights_fit(SMALLER, copies=4):
            trial = build(cfg, data_shapes=declared, binarize="none", standardize=None)
        validates = cfg["trainer"]["validation"] != "none"
        monitored_key(optimize, trial, validates=validates, early_stopping=early_stopping)
        if new and cfg["dataset"].get("standardize"):
            _refuse_nonsense(trial.structure.likelihoods[0], SimpleNamespace(data_kind="standardised", eight_bit=False))
        del trial
    dataset = opening.open_dataset(cfg)
    steps = plan(cfg["trainer"], len(dataset.train)).steps
    with memory.weights_fit(SMALLER, copies=4):
        vae = build(
            cfg,
            data_shapes=dataset.shapes,
            binarize=dataset.binarize,
            standardize=dataset.standardize,
            total_steps=steps,
            precision=cfg["trainer"]["precision"],
        )
    training_fits(vae, min(cfg["trainer"]["batch_size"], len(dataset.train)))
    for note in dataset.notes:
        log.log(NOTE, note)
    for likelihood in vae.structure.likelihoods[:1]:
        if misfit := likelihood.misfit(dataset):
            if new:
                _refuse_nonsense(likelihood, dataset)
            log.log(NOTE, misfit)
    validates = held_out(cfg["trainer"], dataset) is not None
    return vae, dataset, steps, monitored_key(optimize, vae, validates=validates, early_stopping=early_stopping)


def _refuse_nonsense(likelihood, data) -> None:
    """ConfigError for a likelihood of pixels in [0, 1] on data that lie elsewhere by construction."""
    if getattr(likelihood, "unit_interval", False) and data.data_kind in ("standardised", "real"):
        raise ConfigError(likelihood.misfit(data))


def training_fits(vae, batch: int) -> None:
    """ConfigError where the outputs of a batch's layers with weights, which the backward pass needs, exceed memory."""
    from vaelab.system import memory

    outputs = sum(math.prod(shape) for *_, shape, parameters in vae.structure.layer_table() if parameters)
    what = f"What the layers make of a batch of {batch:,} images"
    memory.require(4 * batch * outputs, what, "Choose a smaller trainer.batch_size, model or image size.")


def start_tracking(cfg, folder, dataset, tracking, output_dir, sweep_dir):
    """The run's tracker, with its tags and dataset; MLflow is opened by the first epoch, which need not wait for it."""
    from vaelab.compute import backend
    from vaelab.records.tracking import Tracker

    device, checksum = backend.device_name(), dataset.checksum()
    folder.write_environment(environment.text(cfg["trainer"]["threads"], device))
    tags = {
        **environment.git(),
        "data.kind": dataset.data_kind,
        "data.checksum": checksum,
        "data.binarize": dataset.binarize,
        "backend": cfg["backend"],
        "device": device,
        "threads": cfg["trainer"]["threads"],
        "deterministic": cfg["trainer"]["deterministic"],
    }
    folder.update_status(tags=tags)
    tracker = Tracker(tracking, output_dir=output_dir, folder=folder, cfg=cfg, tags=tags, sweep_dir=sweep_dir)
    sizes = {s: len(dataset.split(s)) for s in ("train", "test")}
    tracker.log_dataset(dataset.name, checksum, cfg["data_dir"] or "user cache", sizes)
    return tracker


def work(cfg, folder, vae, dataset, steps, tracker, started) -> float | None:
    """Fit, save, measure, draw, tell; returns the value that ranks the run, None where none does."""
    from vaelab.build import build, part
    from vaelab.jobs.during import DuringTraining
    from vaelab.training.checkpoint import arrays_of, assign, model_variables
    from vaelab.training.fit import fit, plan
    from vaelab.view.latent_view import LatentView

    cfg = dict(cfg)
    for nodes, kind in (("metrics", "metric"), ("plots", "plot")):  # what cannot work is told now, not in the end
        planned = PlannedView(vae.structure, dataset)
        cfg[nodes] = results.applicable(planned, cfg.get(nodes) or {}, kind, trusted=cfg["trusted"])
    log.info(beta_in_words(cfg, dataset.shapes, vae))
    parameters = sum(math.prod(v.shape) for v in vae.trainable_variables)
    log.info(f"{parameters:,} parameters, {len(dataset.train):,} training images, {folder}")
    rows: list[dict] = folder.read_history()

    def on_epoch(row):
        rows[:] = [*[r for r in rows if r["epoch"] < row["epoch"]], row]
        folder.write_history(rows)
        tracker.log_epoch(row)

    name = title(cfg, folder, vae.structure.latent_dim)
    last = plan(cfg["trainer"], len(dataset.train)).epochs
    during = DuringTraining(cfg, folder, vae, dataset, name=name, last_epoch=last)
    during.before()
    fitted = fit(
        vae, dataset, cfg["trainer"], seed=cfg["seed"], optimize=cfg["optimize"], checkpoint_path=folder.checkpoint,
        schedule=part(cfg, "learning_rate_schedule"), on_epoch=on_epoch, measure=during,
    )  # fmt: skip
    folder.write_history(fitted.history)
    train_seconds = sum(row["time/seconds"] for row in fitted.history)
    folder.update_status(
        epochs=fitted.epochs, steps=fitted.steps, weights=fitted.weights, weights_epoch=fitted.weights_epoch,
        stopped_early=fitted.stopped_early, parameters=parameters, latent_dim=vae.structure.latent_dim,
        train_seconds=train_seconds,
    )  # fmt: skip
    if cfg["trainer"]["precision"] != "float32":  # everything that is saved or reported is float32
        weights = arrays_of(model_variables(vae))
        vae = build(cfg, data_shapes=dataset.shapes, binarize=dataset.binarize, standardize=dataset.standardize)
        assign(model_variables(vae), weights)
    kept = fitted.weights_epoch
    view = LatentView(vae, dataset, name=name, seed=cfg["seed"], history=fitted.history, weights_epoch=kept)
    view.schedules = opening.schedule_curves(vae, cfg, len(dataset.train))
    view.frames = folder.read_frames
    folder.save_models(export(vae), view.learned)
    scores = results.score(view, cfg.get("metrics") or {}, weights_epoch=kept, trusted=cfg["trusted"], strict=False)
    folder.add_metrics(scores)
    folder.save_codes(codes(view))
    results.draw(view, cfg.get("plots") or {}, folder, trusted=cfg["trusted"], strict=False)
    explorer(cfg, folder, view)
    log.info(summary(scores, folder, cfg, train_seconds, time.monotonic() - started))
    return fitted.history[kept - 1][fitted.monitored.lstrip("-")] if fitted.monitored else None


def export(vae) -> dict:
    """The three `.h5` models: built-in layers only, images in [0, 1] in and out."""
    encoder, decoder, reconstruction = vae.structure.export(vae.preprocessing.to_network, vae.preprocessing.to_image)
    return {"encoder": encoder, "decoder": decoder, "vae": reconstruction}


def explorer(cfg, folder, view) -> None:
    """explorer.html of a run, if wanted; trouble with it never costs the run."""
    if not cfg["explorer"]["enabled"]:
        return
    try:
        from vaelab.explorer import build, content
        from vaelab.jobs.page import fingerprint, load_model

        build.write(
            folder.explorer_file, view, load_model(folder), run_line=content.run_line(folder),
            settings=cfg["explorer"], fingerprint=fingerprint(folder, cfg["explorer"]),
        )  # fmt: skip
    except VaelabError as error:
        log.log(NOTE, f"no explorer.html: {error}")
    except Exception as error:
        log.warning(f"no explorer.html: {type(error).__name__}: {error}")


def codes(view) -> dict:
    """Arrays of codes.npz: for train and test the moments of q(z|x), a draw, labels and per-image terms in nats."""
    arrays = {}
    kind = "" if view.closed_form else "_critic"
    for name in ("train", "test"):
        split = view.split(name)
        terms = {"mean": split.mean, "std": split.std, "z": split.z, "y": split.y, "tags": split.tags}
        terms |= {"factors": split.factors, "distortion": split.distortion.astype("float32")}
        terms |= {f"rate{kind}": split.rate.astype("float32")}
        terms |= {f"elbo{kind}": (-(split.distortion + split.rate)).astype("float32")}
        arrays |= {f"{name}_{key}": value for key, value in terms.items() if value is not None}
    return arrays


def title(cfg, folder, latent_dim: int) -> str:
    """What pictures are titled with: the run's name, else dataset, model, latents and beta."""
    chosen = folder.status().get("chosen") or {}
    kind = "-".join(chosen[group] for group in ("dataset", "model", "objective") if chosen.get(group))
    return cfg["run_name"] or f"{kind or folder.path.parent.name}, {latent_dim} latents, beta {cfg['beta']:g}"


def ended_badly(error, folder, tracker) -> None:
    """Marks a run that did not get to its end."""
    stopped = isinstance(error, (Interrupted, KeyboardInterrupt))
    state = "interrupted" if stopped else "failed"
    try:
        folder.update_status(state=state, message=first_line(error), finished=time.time())
    except (OSError, RunError) as why:
        log.warning(f"{folder} could not be marked {state}: {why}")
    tracker.finish(state)


def beta_in_words(cfg, shapes, vae) -> str:
    """The loss with this beta and, where beta weighs the rate, the weight in other conventions people use."""
    pixels, latent_dim = sum(math.prod(s) for s in shapes), vae.structure.latent_dim
    beta, objective = cfg["beta"], vae.objective
    if not hasattr(objective, "in_words"):  # one of the user's own
        return f"beta {beta:g}."
    words = f"beta {beta:g}: {objective.in_words(beta)}, nats per image."
    if not objective.weighs_rate:
        return words
    lines = [
        f"{words} The same weight elsewhere: {beta / pixels:.3g} beside a loss averaged over the {pixels} pixels "
        f"({beta * latent_dim / (2 * pixels):.3g} if mean^2 + var - 1 - log var is averaged over latents too); "
        f"{beta * latent_dim / pixels:.3g} normalised (beta latents / pixels)"
    ]
    if cfg["likelihood"]["_target_"].endswith("Gaussian") and cfg["likelihood"].get("learned") == "none":
        lines.append(f"; {2 * cfg['likelihood']['variance'] * beta:g} beside a summed squared error")
    return "".join(lines) + "."


def summary(scores, folder, cfg, train_seconds, seconds) -> str:
    """The short table at the end and three things to try next."""
    run, status = words.setting("run", folder), folder.status()
    overrides = status.get("overrides") or []
    trusted = [w for w in overrides if words.key(w) == "trusted"]
    following = [
        ["plot", run, "plot=[traversal]", *trusted],
        ["explore", run, *trusted],
        ["train", "-m", *next_sweep(status.get("chosen") or {}, overrides)],
    ]
    return "\n".join(
        [
            "",
            results.table(scores),
            f"  {train_seconds:.0f} s of training, {seconds:.0f} s in all",
            "",
            f"run folder: {folder}  (models, figures/, metrics.json, codes.npz)",
            "next:",
            *(f"  {words.program()} {words.pasteable(*line)}" for line in following),
        ]
    )


def next_sweep(chosen: dict, overrides) -> list[str]:
    """Words of a sweep over what may be swept in a run of these options; all else is as it was typed.

    Args:
        chosen: {group: option}.
        overrides: words of the run's own command line.
    """
    swept = ["seed=0,1,2" if chosen.get("objective") == "capacity" else "beta=0.5,1,4"]
    if chosen.get("structure", "single") == "single":  # others have sizes of their own
        swept.append("latent_dim=2,10")
    left_out = {"run_name", "sweep_name", *map(words.key, swept)}
    typed = [w for w in overrides if words.key(w) not in left_out and not words.key(w).startswith("hydra")]
    usual = {"structure": "single", "posterior": "gaussian", "likelihood": "bernoulli", "objective": "vae"}
    if chosen.get("experiment"):
        named = {"experiment": chosen["experiment"]}
    else:
        named = {g: chosen[g] for g in ("dataset", "model") if g in chosen}
        named |= {g: chosen[g] for g, common in usual.items() if chosen.get(g, common) != common}
    known = set(map(words.key, typed))
    return [*(f"{group}={option}" for group, option in named.items() if group not in known), *typed, *swept]
