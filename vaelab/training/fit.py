"""Trains a model on a dataset: Keras's `fit` with our data order, bookkeeping and checkpoints."""

import gc
import math
from dataclasses import dataclass

import keras

from vaelab.config.schema import Trainer
from vaelab.contracts import Objective, optional
from vaelab.errors import ConfigError, Interrupted, TrainingError
from vaelab.training import callbacks as parts
from vaelab.training import optimizers, variables
from vaelab.training.batches import Batches, InOrder
from vaelab.training.checkpoint import CheckpointFolder, TrainingState
from vaelab.training.whole_epochs import InCalls, InOrderInCalls, steps_per_call


@dataclass
class Fitted:
    """What training leaves.

    Attributes:
        history: one dict per epoch.
        weights_epoch: the epoch whose weights the model now holds.
        weights: "best" or "last".
        monitored: the history key that told which epoch is the best, None where none does.
        epochs, steps: finished in all.
        stopped_early: whether early stopping ended it.
    """

    history: list[dict]
    weights_epoch: int
    weights: str
    monitored: str | None
    epochs: int
    steps: int
    stopped_early: bool

    @property
    def seconds(self) -> float:
        """How long the gradient steps and the evaluation of the held-out split took."""
        return sum(row["time/seconds"] for row in self.history)

    @property
    def ranking_value(self) -> float | None:
        """The monitored value at the weights that were kept; None where none ranks the run."""
        return self.history[self.weights_epoch - 1][self.monitored.lstrip("-")] if self.monitored else None


@dataclass(frozen=True)
class Plan:
    """How long a configuration trains on a given number of images."""

    epochs: int
    steps: int


def steps_per_epoch(trainer: Trainer, n_images: int) -> int:
    """Optimizer steps of one epoch."""
    return trainer.steps_per_epoch or math.ceil(n_images / trainer.batch_size)


def plan(trainer: Trainer, n_images: int) -> Plan:
    """Epochs and total steps; `trainer.steps` wins over epochs and may end inside the last epoch."""
    per_epoch = steps_per_epoch(trainer, n_images)
    if trainer.steps is not None:
        return Plan(math.ceil(trainer.steps / per_epoch), trainer.steps)
    assert trainer.epochs is not None  # refused together with `trainer.steps=null`
    return Plan(trainer.epochs, trainer.epochs * per_epoch)


def held_out(trainer: Trainer, dataset):
    """The split that is evaluated after every epoch, or None."""
    return {"split": dataset.validation, "test": dataset.test, "none": None}[trainer.validation]


def monitored_key(optimize: str | None, vae, *, validates: bool, early_stopping: int | None) -> str | None:
    """The history key whose smallest value ("-key": largest) marks the best epoch; None where none does.

    It is `optimize` where that is given, else what the objective ranks its models by, of held-out images where there
    are any. A user's own objective that does not say ranks them by its loss.

    Args:
        optimize: as in the configuration.
        vae: a `VAEModel`.
        validates: whether there are held-out images.
        early_stopping: as in conf/trainer.

    Raises:
        ConfigError: `optimize` is no per-epoch value of this training, or early stopping has nothing to go by.
    """
    splits = ("train", "val") if validates else ("train",)
    if optimize is not None:
        own = vae.objective.terms
        terms = ("loss", *own, *(("elbo",) if {"rate", "distortion"} <= set(own) else ()))
        known = [f"{split}/{term}" for split in splits for term in terms]
        if optimize.removeprefix("-") not in known:
            raise ConfigError(
                f"optimize: expected one of {', '.join(known)} (with a leading - to maximise), got '{optimize}'."
            )
        return optimize
    term = optional(vae.objective, Objective, "ranks_models_by")
    if term is None and early_stopping is not None:
        raise ConfigError(
            f"trainer.early_stopping={early_stopping}: no value of an epoch ranks the models of "
            f"{type(vae.objective).__name__}. Say what shall decide, for instance optimize={splits[-1]}/distortion, or "
            "train to the end with trainer.early_stopping=null."
        )
    return None if term is None else f"{splits[-1]}/{term}"


def fit(vae, dataset, trainer: Trainer, *, seed, schedule, optimize, checkpoint_path, on_epoch=lambda history: None,
        measure=lambda row, history: {}) -> Fitted:  # fmt: skip
    """Trains, from the newest checkpoint where there is one, and leaves the wanted weights in `vae`.

    Args:
        vae: a `VAEModel`.
        dataset: its train split is trained on; its validation split (or test, where `trainer.validation` says so) is
            evaluated after every epoch.
        trainer: settings of conf/trainer.
        seed: the run's seed.
        schedule: learning-rate factor over progress.
        optimize: as in the configuration.
        checkpoint_path: folder of the run's checkpoints, or None.
        on_epoch: called after each epoch with the dicts of all epochs so far, those before a resume too.
        measure: called with each epoch's dict and the history before it; what it returns belongs to that epoch.

    Raises:
        TrainingError: the loss is not a number, or memory ran out.
        Interrupted: the user stopped it; the last finished epoch's checkpoint is there, whatever checkpoint_every is.
    """
    wanted = plan(trainer, len(dataset.train))
    held = held_out(trainer, dataset)
    monitored = monitored_key(optimize, vae, validates=held is not None, early_stopping=trainer.early_stopping)
    on_jax = keras.backend.backend() == "jax"
    in_training, in_evaluation = (InCalls, InOrderInCalls) if on_jax else (Batches, InOrder)
    batches = in_training(
        dataset.train, batch_size=trainer.batch_size, seed=seed, steps_per_epoch=trainer.steps_per_epoch,
        last_step=wanted.steps, numbered=vae.reads_rows,
    )  # fmt: skip
    validation = in_evaluation(held, batch_size=trainer.batch_size) if held is not None else None
    per_epoch = {"steps_per_epoch": batches.steps_per_epoch}
    vae.compile(optimizer=optimizers.make(trainer, schedule, wanted.steps, vae.objective, **per_epoch))
    vae.optimizer.build(vae.trainable_variables)
    checkpoints = CheckpointFolder(checkpoint_path) if checkpoint_path else None
    held_by_model = variables.of_model(vae)
    paths = {id(v): path for path, v in held_by_model.items()}
    slots = variables.of_optimizer(vae.optimizer, {paths[id(v)]: v for v in vae.trainable_variables})
    state, best = _restored(held_by_model, slots, checkpoints, wanted.steps)
    if state.epoch < wanted.epochs and not state.stopped:
        batches.steps_per_call = steps_per_call(vae, batches, [held_by_model, slots])
        if validation is not None:
            validation.steps_per_call = min(batches.steps_per_call, validation.most)
    # The best weights by a validation split; with validation on the test images the last ones, lest test data choose.
    keep_best = trainer.validation == "split" and held is not None and monitored is not None
    bookkeeper = parts.Bookkeeper(
        state, checkpoints, batches, variables=held_by_model, slots=slots, monitored=monitored, keep_best=keep_best,
        patience=trainer.early_stopping, monitor_from=trainer.monitor_from, every=trainer.checkpoint_every, best=best,
        last_epoch=wanted.epochs, total_steps=wanted.steps, on_epoch=on_epoch, measure=measure,
    )  # fmt: skip
    interruption, interrupted = parts.Interruption(), None
    if state.epoch < wanted.epochs and not state.stopped:
        try:
            vae.fit(
                batches,
                epochs=wanted.epochs,
                initial_epoch=state.epoch,
                shuffle=False,
                verbose=0,
                validation_data=validation,
                callbacks=[
                    parts.EpochClock(batches, wanted.steps),
                    parts.NotANumber(batches),
                    parts.Progress(wanted.epochs, batches, trainer.progress),
                    bookkeeper,
                    interruption,
                ],
            )
        except Interrupted as error:
            bookkeeper.save()
            interrupted = str(error)
        except Exception as error:
            bookkeeper.save()
            if type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError") or isinstance(error, MemoryError):
                raise TrainingError(
                    f"Out of memory at batch size {trainer.batch_size}. Use a smaller trainer.batch_size, "
                    "trainer.precision=bfloat16 or device=cpu."
                ) from error
            raise
        finally:
            interruption.restore()
    if interrupted or state.step % batches.steps_per_epoch:
        gc.collect()  # an epoch's iterator that was left before its end, else TensorFlow warns of it at Python's end
    if interrupted:
        raise Interrupted(interrupted)
    weights = "last"
    if bookkeeper.best is not None and keep_best:
        variables.assign(held_by_model, bookkeeper.best)
        weights = "best"
    return Fitted(
        history=state.history,
        weights_epoch=state.best_epoch if weights == "best" else state.epoch,
        weights=weights,
        monitored=monitored,
        epochs=state.epoch,
        steps=state.step,
        stopped_early=state.stopped,
    )


def _restored(model: dict, slots: dict, checkpoints, steps):
    """(state, best arrays) from the newest checkpoint, put into the variables; a fresh state where there is none."""
    saved = checkpoints.load(steps) if checkpoints else None
    if saved is None:
        return TrainingState(), None
    where = f"{checkpoints.path}"
    for held, arrays in ((model, saved.model), (slots, saved.optimizer)):
        variables.assign(held, variables.by_path(arrays, held, where), where)
    return saved.state, None if saved.best is None else variables.by_path(saved.best, model, where)
