"""What happens beside the gradient steps: order of the data, bookkeeping, stopping, saving, progress, interruption."""

import logging
import math
import sys
import time
from contextlib import ExitStack

import keras

from vaelab.errors import ConfigError, Interrupted, TrainingError
from vaelab.system import printing, signals
from vaelab.training.epoch_line import epoch_line, terms
from vaelab.training.vae import VAEModel
from vaelab.training.variables import arrays_of

log = logging.getLogger(__name__)


class Callback(keras.callbacks.Callback):
    """A callback of a `VAEModel`'s training; Keras sets `model` before it calls any method."""

    model: VAEModel


class EpochClock(Callback):
    """Tells the batches their epoch, renews the prior, restarts evaluation noise, ends training at the last step."""

    def __init__(self, batches, total_steps):
        super().__init__()
        self.batches, self.total_steps = batches, total_steps

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        batches = self.batches
        if batches.epoch * batches.steps_per_epoch + batches.steps_before(batch + 1) >= self.total_steps:
            self.model.stop_training = True

    def on_train_begin(self, logs=None):
        self.model.renew_prior()

    def on_test_begin(self, logs=None):  # before the epoch's end, which then finds the prior renewed
        self.model.renew_prior()
        self.model.restart_evaluation()

    def on_epoch_end(self, epoch, logs=None):
        if not any(name.startswith("val_") for name in logs or {}):
            self.model.renew_prior()


class NotANumber(keras.callbacks.Callback):
    """Stops the run at the call of the training function in which a loss was not finite."""

    def __init__(self, batches):
        super().__init__()
        self.batches, self.finite = batches, {}

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs):
        if math.isfinite(logs["loss"]):
            self.finite = logs
            return
        last = ", ".join(f"{k} {float(v):.6g}" for k, v in self.finite.items()) or "none"
        before = self.epoch * self.batches.steps_per_epoch
        first, step = (before + self.batches.steps_before(n) for n in (batch, batch + 1))
        raise TrainingError(
            f"The loss became {float(logs['loss'])} at step {step if step == first + 1 else f'{first + 1} to {step}'} "
            f"(epoch {self.epoch + 1}). Last finite means of the epoch: {last}. "
            "Try a smaller trainer.learning_rate, trainer.clip_norm=1 or trainer.precision=float32."
        )


class Bookkeeper(Callback):
    """History, best weights, early stopping and checkpoints, all from one `TrainingState`.

    Args:
        state: where training stands; changed at every epoch's end.
        variables, slots: {path: variable} of model and optimizer, what a checkpoint holds.
        checkpoints: a `CheckpointFolder`, or None.
        batches: the training batches.
        monitored: history key to minimise, "-key" to maximise; None where no value tells which epoch is the best.
        keep_best: whether the weights of the best epoch are kept beside the last.
        patience: early stopping after so many epochs without a better value, None for never.
        monitor_from: the first epoch that may be the best or count for early stopping, None for the first of all.
        every: checkpoint every so many epochs (number) or minutes ("5min").
        best: {path: array} of the best epoch so far (a resumed run's), or None.
        last_epoch, total_steps: wanted in all.
        on_epoch: function (dicts of all epochs so far) called after each epoch: tracking, live files.
        measure: function (epoch's dict, history before it) -> more values of this epoch, not timed as training.
    """

    def __init__(
        self, state, checkpoints, batches, *, variables, slots, monitored, keep_best, patience, monitor_from, every,
        best, last_epoch, total_steps, on_epoch, measure,
    ):  # fmt: skip
        super().__init__()
        self.measure, self.variables, self.slots = measure, variables, slots
        self.state, self.checkpoints, self.batches = state, checkpoints, batches
        self.monitored, self.keep_best = monitored, keep_best
        self.patience, self.monitor_from = patience, monitor_from or 1
        self.best, self.last_epoch, self.total_steps, self.on_epoch = best, last_epoch, total_steps, on_epoch
        self.every_epochs, self.every_seconds = _interval(every)
        self.saved_epoch, self.saved_at, self.unsaved = state.epoch, time.monotonic(), None

    def on_epoch_begin(self, epoch, logs=None):
        self.started = self.trained = time.perf_counter()
        self.images = 0

    def on_train_batch_end(self, batch, logs=None):
        self.trained = time.perf_counter()
        self.steps = self.batches.steps_before(batch + 1)

    def on_epoch_end(self, epoch, logs):
        state = self.state
        row = {"epoch": epoch + 1, **_named(logs)}
        images = len(self.batches.split) * self.steps / self.batches.batches_per_pass
        row["time/images_per_second"] = images / max(self.trained - self.started, 1e-9)
        row["time/seconds"] = time.perf_counter() - self.started
        row |= self.measure(row, state.history)
        state.history.append(row)
        state.epoch, state.step = epoch + 1, state.step + self.steps
        state.cut_short = self.steps < self.batches.steps_per_epoch
        self._judge(row)
        if state.stopped:
            self.model.stop_training = True
        self.unsaved = arrays_of(self.variables), arrays_of(self.slots)
        if self._due():
            self.save()
        try:
            self.on_epoch(state.history)
        except OSError as error:
            log.warning(f"epoch {state.epoch} was not recorded: {error}")

    def _judge(self, row):
        """Best so far, and early stopping."""
        state = self.state
        if self.monitored is None or state.epoch < self.monitor_from:
            return
        sign = -1.0 if self.monitored.startswith("-") else 1.0
        value = sign * row[self.monitored.removeprefix("-")]
        value = value if math.isfinite(value) else math.inf  # a first epoch that is no number must not stay the best
        if state.best_value is None or value < state.best_value:
            state.best_value, state.best_epoch, state.waited = value, state.epoch, 0
            if self.keep_best:
                self.best = arrays_of(self.variables)
        else:
            state.waited += 1
        state.stopped = self.patience is not None and state.waited >= self.patience

    def _due(self):
        if self.model.stop_training or self.state.epoch >= self.last_epoch:
            return True
        if (self.state.epoch + 1) * self.batches.steps_per_epoch > self.total_steps:  # the next one will be cut short
            return True
        if self.every_seconds is not None:
            return time.monotonic() - self.saved_at >= self.every_seconds
        return self.state.epoch - self.saved_epoch >= self.every_epochs

    def save(self):
        """Writes a checkpoint of the last finished epoch, where that is not done; trouble with the disk is told and
        training goes on.

        Raises:
            TrainingError: it is the last one, without which the run's numbers would belong to no weights.
        """
        if self.checkpoints is None or self.unsaved is None:
            return
        try:
            self.checkpoints.save(self.state, *self.unsaved, self.best)
            self.saved_epoch, self.saved_at, self.unsaved = self.state.epoch, time.monotonic(), None
        except OSError as error:
            if self.model.stop_training or self.state.epoch >= self.last_epoch:
                raise TrainingError(
                    f"The last checkpoint cannot be written ({error}). Make room, then resume: it goes on from the "
                    f"checkpoint of epoch {self.saved_epoch}."
                ) from None
            log.warning(f"no checkpoint of epoch {self.state.epoch}: {error}")


def _interval(every):
    """(epochs, None) or (None, seconds)."""
    if isinstance(every, str):
        number = every.removesuffix("min").strip()
        try:
            minutes = float(number)
            if every.endswith("min") and 0 < minutes < math.inf:
                return None, 60 * minutes
        except ValueError:
            pass
        raise ConfigError(f"trainer.checkpoint_every: expected epochs (a number) or minutes ('5min'), got '{every}'.")
    return every, None


def _named(logs):
    """Keras's names to ours: loss -> train/loss, val_loss -> val/loss; elbo where it can be said."""
    row = {}
    for name, value in logs.items():
        key = f"val/{name.removeprefix('val_')}" if name.startswith("val_") else f"train/{name}"
        row[key] = float(value)
    for split in ("train", "val"):
        if f"{split}/distortion" in row and f"{split}/rate" in row:
            row[f"{split}/elbo"] = -(row[f"{split}/distortion"] + row[f"{split}/rate"])
    return row


class Progress(keras.callbacks.Callback):
    """A bar on a terminal, and a table of one line per epoch: elbo, distortion, rate, that of validation, seconds.

    A line has 80 characters at most; terms for which there is no room are in history.csv.
    """

    def __init__(self, n_epochs, batches, shown):
        super().__init__()
        self.n_epochs, self.batches, self.shown = n_epochs, batches, shown
        self.bar, self.header = None, None

    def on_epoch_begin(self, epoch, logs=None):
        self.started, self.drawn = time.perf_counter(), 0.0
        if self.shown and printing.shows_progress() and sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(
                total=self.batches.steps_per_epoch, desc=f"epoch {epoch + 1}/{self.n_epochs}", unit="batch",
                leave=False, bar_format="{desc} |{bar:16}| {percentage:3.0f}% {remaining} {postfix}",
            )  # fmt: skip

    def on_train_batch_end(self, batch, logs=None):
        if self.bar is None or time.perf_counter() - self.drawn < 0.1:
            return
        self.drawn = time.perf_counter()
        self.bar.n = self.batches.steps_before(batch + 1)
        images = self.bar.n * self.batches.batch_size
        name, value = next(iter(terms(logs).items()))
        pace = images / (self.drawn - self.started)
        self.bar.set_postfix_str(f"{name} {value:.2f}  {pace:,.0f} images/s", refresh=True)

    def on_epoch_end(self, epoch, logs):
        if self.bar is not None:
            self.bar.close()
            self.bar = None
        if self.shown:
            seconds = time.perf_counter() - self.started
            header, line = epoch_line(f"{epoch + 1}/{self.n_epochs}", logs, seconds)
            if header != self.header:
                log.info(header)
                self.header = header
            log.info(line)

    def on_train_end(self, logs=None):
        if self.bar is not None:
            self.bar.close()


class Interruption(keras.callbacks.Callback):
    """The first Ctrl-C (SIGTERM, SIGHUP) finishes the step; a second one ends the process at once."""

    def on_train_begin(self, logs=None):
        self.asked, self._held = False, ExitStack()
        self._held.enter_context(signals.handled_by(self._ask))

    def _ask(self, number, frame):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        log.error("\ninterrupted: finishing the step, then saving (again to stop at once)")

    def on_train_batch_end(self, batch, logs=None):
        if self.asked:
            raise Interrupted("interrupted")

    def on_epoch_end(self, epoch, logs=None):
        if self.asked:
            raise Interrupted("interrupted")

    def restore(self):
        """Puts the signal handlers back."""
        self._held.close()
