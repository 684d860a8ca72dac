"""vaelab: a config-driven lab for variational autoencoders. `vaelab.load(run)` opens a finished run in a notebook."""

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def load(run, *, trusted=(), data_dir=None, accept_changed_data=False):
    """A finished run: `encode(x)`, `decode(z)`, `sample(n)`, `metrics`, `config`.

    Args:
        run: a run folder, an MLflow run id or run name, or "latest".
        trusted: packages of yours whose parts the run's config may name.
        data_dir: where the dataset's files are, if not where they were at training.
        accept_changed_data: open the run although its data are not those it was trained on.
    """
    from vaelab.notebook import Run

    return Run(run, trusted=tuple(trusted), data_dir=data_dir, accept_changed_data=accept_changed_data)
