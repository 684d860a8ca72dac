"""Where a schedule stands at a step."""

from keras import ops

from vaelab.contracts import Schedule, optional


def factor(schedule, step, *, total_steps, steps_per_epoch):
    """A schedule's factor.

    Args:
        schedule: a part of `contracts.Schedule`.
        step: steps done, number or tensor; None: when all are.
        total_steps: those it spans.
        steps_per_epoch: of one epoch.
    """
    if optional(schedule, Schedule, "in_epochs"):
        last = -(-total_steps // steps_per_epoch)
        if step is None:
            return schedule(float(last))
        return schedule(ops.minimum(ops.cast(step // steps_per_epoch + 1, "float32"), float(last)))
    if step is None:
        return schedule(1.0)
    return schedule(ops.minimum(ops.cast(step, "float32") / max(total_steps, 1), 1.0))
