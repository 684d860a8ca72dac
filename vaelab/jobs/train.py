"""From a configuration to a complete run folder: what `vaelab train`, a sweep's job, `resume`, `reproduce` do."""

import logging
import math
import signal
import sys
import time

from vaelab.config import trust, words
from vaelab.config.schema import Trainer
from vaelab.config.together import check_optimizer
from vaelab.contracts import Condition, Likelihood, Objective, Prior, misfit_of, optional
from vaelab.errors import ConfigError, Interrupted, RunError, first_line, tracebacks_kept
from vaelab.jobs import opening, page, results, telling
from vaelab.jobs.phases import Phases
from vaelab.jobs.stored import planned_view
from vaelab.records import environment
from vaelab.records.run_folder import RunFolder
from vaelab.system import memory, signals
from vaelab.system.printing import NOTE, logged_to, notes_in_a_line

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
    finished=None,
) -> float | None:
    """Trains (or goes on training) the run in `folder`; returns the value that ranks it at the weights that were kept.

    Check, data, model, fit, finish. Until the model stands, the folder holds nothing but a lock and a log.

    Args:
        cfg: resolved configuration as plain containers.
        folder: the run's folder; a checkpoint in it is continued.
        chosen: {group: option}, for tags.
        sweep_dir: the sweep this run belongs to, or None.
        overrides: words of the command line, repeated in what is proposed next; they join those of an earlier start.
        original: the run that is repeated, or None.
        accept_changed_data: go on where the data are not those the run (or the original) was trained on.
        tracking, output_dir: as the user has them now, where `cfg` is that of an earlier run.
        finished: function (view) that is called in the end with the weights that were kept, or None.

    Raises:
        Interrupted: stopped by the user; everything finished is saved.
        VaelabError: what the user can do something about.
    """
    trust.check_parts(cfg)
    started, clock = time.time(), time.monotonic()  # the first may be set back meanwhile
    more = "" if "keras" in sys.modules else f": importing {cfg['backend']} ..."  # for seconds all there is to be seen
    log.info(f"{folder}{more}")
    trainer = opening.start_backend(cfg, exactly=True)
    with (
        signals.handled_by(signal.default_int_handler),
        folder.locked(),
        logged_to(folder.log),
        tracebacks_kept(folder.log),
        notes_in_a_line(folder.log) as show_notes,
    ):
        cfg = opening.as_begun({**cfg, "trainer": {**cfg["trainer"], "threads": trainer.threads}}, folder)
        new = (original or folder).data_checksum is None
        check(cfg, trainer, new=new)
        dataset = data(cfg, original or folder, accept=accept_changed_data)
        vae, monitored = model(cfg, trainer, dataset, new=new)
        folder.write_config(cfg)
        if dataset.condition is not None:
            folder.write_condition(dataset.condition.plain())
        known, own = folder.status(), folder.path
        folder.update_status(
            state="running", message=None, started=known.get("started", started), begun_again=started, finished=None,
            seconds_before=sum(row.get("time/seconds") or 0 for row in folder.read_history()),
            chosen=chosen, monitored=monitored,
            run_name=cfg["run_name"] or (own.name if sweep_dir else f"{own.parent.name}/{own.name}"),
            latent_dim=vae.structure.latent_dim,
            overrides=words.merged(known.get("overrides") or (), overrides),
        )  # fmt: skip
        tracking, output_dir = tracking or cfg["tracking"], output_dir or cfg["output_dir"]
        tracker = start_tracking(cfg, trainer, folder, dataset, tracking, output_dir, sweep_dir)
        try:
            cfg = without_inapplicable(cfg, vae, dataset, folder.status()["overrides"])
            loss, elsewhere = telling.beta_in_words(cfg, dataset.shapes, vae)
            log.info(loss)
            if elsewhere is not None:
                log.log(NOTE, elsewhere)
            show_notes()
            phases = Phases(folder)
            with phases("training"):
                fitted = fit(cfg, trainer, folder, vae, dataset, tracker)
            finish(cfg, trainer, folder, vae, dataset, fitted, phases, clock, finished)
        except BaseException as error:
            ended_badly(error, folder, tracker)
            if isinstance(error, (Interrupted, KeyboardInterrupt)):
                own = words.of_own_parts(folder.status().get("overrides") or ())
                again = words.pasteable("resume", words.setting("run", folder), *own)
                raise Interrupted(
                    f"stopped; finished epochs are saved. Continue with: {words.program()} {again}"
                ) from None
            raise
        seconds = time.monotonic() - clock
        folder.update_status(state="done", finished=time.time(), seconds=seconds, phase=None, phases=phases.seconds)
        tracker.finish("done")
    return fitted.ranking_value


def check(cfg: dict, trainer: Trainer, *, new: bool) -> None:
    """Refuses, before data are read, what cannot work whatever they are, and a model that cannot take their shape.

    Args:
        new: whether this is no continuation or repetition of an earlier run, which may be what is refused today.
    """
    from vaelab.build import SMALLER, build, part
    from vaelab.datasets.prepare import declared_facts
    from vaelab.training.fit import monitored_key

    check_optimizer(trainer)
    facts = declared_facts(cfg)
    if facts is None:
        return
    condition = part(cfg["condition"], "condition", trusted=cfg.get("trusted") or ())
    # how many columns it has is not known yet
    facts = facts._replace(condition_dim=int(optional(condition, Condition, "conditional")))
    with memory.weights_fit(SMALLER, copies=4):
        vae = build(cfg, facts)
    refuse_hidden(vae.objective, cfg)
    monitored_key(cfg["optimize"], vae, validates=trainer.validation != "none", early_stopping=trainer.early_stopping)
    if new:
        refuse_other_than_intensities(vae.structure.likelihoods[0], facts)


def data(cfg: dict, run: RunFolder, *, accept: bool):
    """The `Dataset`, if it is what the run (which goes on, or is repeated) was trained on; tells its notes."""
    dataset = opening.open_dataset(cfg, run)
    for note in dataset.notes:
        log.log(NOTE, note)
    return opening.as_trained_on(run, dataset, accept=accept)


def model(cfg: dict, trainer: Trainer, dataset, *, new: bool):
    """(the model, the history key that marks the best epoch); refuses what does not go with these data.

    Args:
        new: as in `check`.
    """
    from vaelab.build import SMALLER, build
    from vaelab.training.fit import held_out, monitored_key, plan, steps_per_epoch
    from vaelab.training.initializers import start_objective, start_prior

    n = len(dataset.train)
    length = {"total_steps": plan(trainer, n).steps, "steps_per_epoch": steps_per_epoch(trainer, n)}
    with memory.weights_fit(SMALLER, copies=4):
        vae = build(cfg, dataset.facts, precision=trainer.precision, **length)
    refuse_hidden(vae.objective, cfg, dataset.condition)
    start_prior(vae, dataset.train.training_inputs, cfg["seed"])
    start_objective(vae, dataset.train.training_inputs)
    refuse_large_batches(vae, min(trainer.batch_size, len(dataset.train)))
    likelihood = vae.structure.likelihoods[0]
    if new:
        refuse_other_than_intensities(likelihood, dataset)
    if misfit := misfit_of(likelihood, dataset):
        log.log(NOTE, misfit)
    validates = held_out(trainer, dataset) is not None
    return vae, monitored_key(cfg["optimize"], vae, validates=validates, early_stopping=trainer.early_stopping)


def fit(cfg: dict, trainer: Trainer, folder: RunFolder, vae, dataset, tracker):
    """Trains; history.csv and the tracker follow every epoch. Returns what `training.fit` does."""
    from vaelab.build import part
    from vaelab.jobs.during import DuringTraining
    from vaelab.training import fit as training

    parameters = sum(math.prod(v.shape) for v in vae.trainable_variables)
    log.info(f"{parameters:,} parameters, {len(dataset.train):,} training images")

    def on_epoch(history):
        folder.write_history(history)
        tracker.log_epochs(history)

    last = training.plan(trainer, len(dataset.train)).epochs
    during = DuringTraining(cfg, trainer, folder, vae, dataset, last_epoch=last)
    during.before()
    fitted = training.fit(
        vae, dataset, trainer, seed=cfg["seed"], optimize=cfg["optimize"], checkpoint_path=folder.checkpoint,
        schedule=part(cfg["learning_rate_schedule"], "learning_rate_schedule", trusted=cfg.get("trusted") or ()),
        on_epoch=on_epoch, measure=during,
    )  # fmt: skip
    folder.write_history(fitted.history)
    folder.update_status(
        epochs=fitted.epochs, steps=fitted.steps, weights=fitted.weights, weights_epoch=fitted.weights_epoch,
        stopped_early=fitted.stopped_early, parameters=parameters, latent_dim=vae.structure.latent_dim,
        train_seconds=fitted.seconds,
    )  # fmt: skip
    return fitted


def finish(cfg: dict, trainer: Trainer, folder: RunFolder, vae, dataset, fitted, phases, clock, finished=None) -> None:
    """Saves, measures, draws, makes the explorer and tells, all of the weights that were kept and in float32.

    Args:
        phases: told of each.
        clock: `time.monotonic()` when the run began.
        finished: as in `train`.
    """
    from vaelab.build import float32_twin

    metrics, plots, settings = cfg.get("metrics") or {}, cfg.get("plots") or {}, cfg["explorer"]
    vae, kept = float32_twin(vae, cfg, dataset.facts), fitted.weights_epoch
    view = opening.view_of(vae, dataset, folder, cfg, trainer, history=fitted.history, weights_epoch=kept)
    with phases("saving"):
        folder.save_models(export(vae), view.learned)
        if view.prior.arrays is not None:
            folder.save_prior(view.prior.arrays)
    with phases("measuring", results.chosen(metrics)):
        by_image = {}
        scores = results.score(
            view, metrics, weights_epoch=kept, trusted=cfg["trusted"], strict=False, by_image=by_image
        )
        folder.add_metrics(scores, by_image)
        folder.save_codes(codes(view))
    if results.chosen(plots):
        with phases("drawing", results.chosen(plots)):
            results.draw(view, plots, folder, trusted=cfg["trusted"], strict=False)
    if settings["enabled"]:
        with phases("exploring", [folder.explorer_file.name]):
            page.write_if_possible(settings, folder, view)
    if finished is not None:
        finished(view)
    log.info(telling.summary(scores, folder, phases, time.monotonic() - clock))


def refuse_other_than_intensities(likelihood, data) -> None:
    """ConfigError for a likelihood of pixels in [0, 1] on data that lie elsewhere by construction.

    Args:
        data: a `Dataset` or its `DataFacts`.
    """
    if optional(likelihood, Likelihood, "unit_interval") and data.data_kind in ("standardised", "real"):
        name = type(likelihood).__name__
        raise ConfigError(misfit_of(likelihood, data) or f"{name} means nothing of {data.data_kind} pixels.")


def refuse_hidden(objective, cfg: dict, condition=None) -> None:
    """ConfigError where conditions of some images are hidden, or to be summed over, and cannot be.

    Args:
        condition: the `Columns` of the data, if they are known already.
    """
    sums, n = optional(objective, Objective, "sums_conditions"), cfg["dataset"].get("labelled")
    if n is not None and not sums:
        raise ConfigError(
            f"dataset.labelled={n} hides the labels of the other training images, which {type(objective).__name__} "
            "cannot do without. Use objective=m2 condition=label, or leave dataset.labelled out."
        )
    if sums and condition is not None and condition.each() is None:
        raise ConfigError(
            f"{type(objective).__name__} sums over classes, and condition={condition.option} is not one choice of a "
            "few. Use condition=label."
        )


def refuse_large_batches(vae, batch: int) -> None:
    """ConfigError where the outputs of a batch's layers with weights, which the backward pass needs, exceed memory."""
    outputs = sum(math.prod(shape) for *_, shape, parameters in vae.structure.layer_table() if parameters)
    what = f"What the layers make of a batch of {batch:,} images"
    memory.require(4 * batch * outputs, what, "Choose a smaller trainer.batch_size, model or image size.")


def without_inapplicable(cfg: dict, vae, dataset, typed) -> dict:
    """The configuration without metrics and pictures that cannot work here, which are told now, not in the end."""
    planned = planned_view(vae.structure, dataset)
    if planned.latent_dim < 3:
        cfg = cfg | {"plots": results.without_map(cfg.get("plots") or {}, typed)}
    return cfg | {
        nodes: results.applicable(planned, cfg.get(nodes) or {}, kind, trusted=cfg["trusted"])
        for nodes, kind in (("metrics", "metric"), ("plots", "plot"))
    }


def start_tracking(cfg, trainer, folder, dataset, tracking, output_dir, sweep_dir):
    """The run's tracker, with its tags and dataset; MLflow is opened by the first epoch, which need not wait for it."""
    from vaelab.compute import backend
    from vaelab.records.tracking import Tracker

    device, checksum = backend.device_name(), dataset.checksum()
    folder.write_environment(environment.text(trainer.threads, device))
    tags = {
        **environment.git(),
        "data.kind": dataset.data_kind,
        "data.checksum": checksum,
        "data.binarize": dataset.binarize,
        "backend": cfg["backend"],
        "device": device,
        "threads": trainer.threads,
        "deterministic": trainer.deterministic,
    }
    folder.update_status(tags=tags)
    tracker = Tracker(tracking, output_dir=output_dir, folder=folder, cfg=cfg, tags=tags, sweep_dir=sweep_dir)
    sizes = {s: len(dataset.split(s)) for s in ("train", "test")}
    tracker.log_dataset(dataset.name, checksum, cfg["data_dir"] or "user cache", sizes)
    return tracker


def export(vae) -> dict:
    """The `.h5` models: built-in layers only, images in [0, 1] in and out; a prior that is a network among them."""
    encoder, decoder, reconstruction = vae.structure.export(vae.preprocessing.to_network, vae.preprocessing.to_image)
    models = {"encoder": encoder, "decoder": decoder, "vae": reconstruction}
    network = optional(vae.structure.prior, Prior, "exported")
    return models if network is None else models | {"prior": network()}


def codes(view) -> dict:
    """Arrays of codes.npz: for train and test the moments of q(z|x), a draw, labels and per-image terms in nats."""
    arrays = {}
    kind = "" if view.has_density else "_critic"
    for name in ("train", "test"):
        split = view.split(name)
        terms = {"mean": split.mean, "std": split.std, "z": split.z, "y": split.y, "tags": split.tags}
        terms |= {"factors": split.factors, "distortion": split.distortion.astype("float32")}
        if view.classify is not None:
            terms["class_probabilities"] = view.classify(split.x)
        if split.rate is not None:
            terms |= {f"rate{kind}": split.rate.astype("float32")}
            terms |= {f"elbo{kind}": (-(split.distortion + split.rate)).astype("float32")}
        arrays |= {f"{name}_{key}": value for key, value in terms.items() if value is not None}
    return arrays


def ended_badly(error, folder, tracker) -> None:
    """Marks a run that did not get to its end."""
    stopped = isinstance(error, (Interrupted, KeyboardInterrupt))
    state = "interrupted" if stopped else "failed"
    try:
        folder.update_status(state=state, message=first_line(error), finished=time.time())
    except (OSError, RunError) as why:
        log.warning(f"{folder} could not be marked {state}: {why}")
    tracker.finish(state)
