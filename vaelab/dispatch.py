"""One command line: finds the command, checks the configuration, hands over. Imports nothing heavy."""

import logging
import os
import sys

from vaelab.config import locate, typed
from vaelab.config.commands import COMMANDS, FIRST_WORD, HYDRA_RUN, RUN_FILTERS, VERBS
from vaelab.config.nearest import nearest
from vaelab.errors import DISK_TROUBLE, ConfigError, Interrupted, VaelabError, first_line
from vaelab.system.printing import NOTE, quietly
from vaelab.system.streams import document, output

log = logging.getLogger(__name__)


def dispatch(command: str, rest: list[str]) -> int:
    """Does what was typed; returns the exit code.

    Raises:
        VaelabError: what cannot be done, in a sentence.
    """
    if command not in COMMANDS:
        raise ConfigError(f"There is no command '{command}'. {nearest(command, COMMANDS)} See vaelab --help.")
    if command == "completion" and not {"--help", "-h"} & set(rest):
        from vaelab.commands import completion

        return completion.run(rest)
    options, overrides, folders = typed.split(
        command, take_verb(command, rest), command in HYDRA_RUN, lambda name: _meant(command, name)
    )
    with locate.config_dirs(folders), quietly("quiet=true" in overrides):
        for note in typed.repeated(overrides):
            log.log(NOTE, note)
        return _command(command, options, overrides)


def _meant(command: str, name: str) -> str | None:
    """The setting of a command that a name stands for (`compose.meant`)."""
    from vaelab.config import compose

    return compose.meant("train" if command in HYDRA_RUN else command, name)


# Settings that are typed without the node they stand under: groups of conf/, too, or short names.
UNDER = {
    "report": {"sweep": "of"},
    "explore": {"sweep": "of", "file": "explore"},
    "generate": {"condition": "given"},
}


def _command(command: str, options: list[str], overrides: list[str]) -> int:
    if command == "runs":  # dataset=mnist filters here; to Hydra it would choose an option of a group
        overrides = [f"filter.{o}" if o.partition("=")[0] in RUN_FILTERS else o for o in overrides]
    for group, node in UNDER.get(command, {}).items():
        overrides = [f"{node}.{o}" if o.startswith(f"{group}=") else o for o in overrides]  # groups of conf/, too
    if "--help" in options:
        from vaelab.commands import help_page

        output(help_page.page(command, overrides))
        return 0
    if any(o.startswith(("sweep=", "cluster=")) for o in overrides) and command in HYDRA_RUN:
        from vaelab.sweeps import recipe

        options, overrides = recipe.expand(options, overrides)
    if command in HYDRA_RUN and not (command == "reproduce" and any(o.startswith("run=") for o in overrides)):
        return run_under_hydra(command, options, overrides)
    if options:
        raise ConfigError(f"vaelab {command} run=... has no option {options[0]}. See vaelab {command} --help.")
    return run_composed(command, overrides)


def take_verb(command: str, rest: list[str]) -> list[str]:
    """`data show dataset=x` -> `verb=show dataset=x`, and what else a first word stands for (`FIRST_WORD`)."""
    if command not in FIRST_WORD or not rest or "=" in rest[0] or rest[0].startswith("-"):
        return rest
    verbs = VERBS.get(command, ())
    if verbs and rest[0] not in verbs:
        raise ConfigError(f"vaelab {command} {rest[0]}: there is no such verb. {nearest(rest[0], verbs)}")
    return [f"{FIRST_WORD[command]}={rest[0]}", *rest[1:]]


def run_composed(command: str, overrides: list[str]) -> int:
    """A command without a Hydra run folder: compose, check, call."""
    import importlib

    from vaelab.config.compose import compose

    cfg = compose(command, overrides)
    with quietly(cfg.get("quiet", False)):
        return importlib.import_module(f"vaelab.commands.{command.replace('-', '_')}").run(cfg) or 0


def run_under_hydra(command: str, options: list[str], overrides: list[str]) -> int:
    """A command with a run folder: every job is checked first, then Hydra runs it (or the sweep)."""
    from hydra.core.hydra_config import HydraConfig

    from vaelab.config import compose, folders, words
    from vaelab.config.plain import plain, without_hydra
    from vaelab.records.run_folder import RunFolder, removed_if_refused
    from vaelab.sweeps import launch

    multirun = bool({"-m", "--multirun"} & set(options)) or any(o.startswith("hydra.mode=MULTIRUN") for o in overrides)
    if any(o.startswith("hydra.launcher.") for o in overrides):
        from vaelab.sweeps import recipe

        recipe.check_launcher(overrides)
    if multirun and command == "reproduce":  # judges each job in this process
        overrides = [*overrides, "hydra/launcher=basic"]
    if {"--cfg", "--info"} & set(options):
        package = options[options.index("--package") + 1] if "--package" in options else None
        compose.check_words(overrides, package=package, resolve="--resolve" in options)
        compose.register_resolvers()
        _hydra_main(command, options, overrides, task=lambda cfg: None)
        return 0
    grid = None
    if multirun:
        grid = compose.check_sweep(overrides)
        wanted = grid.folder
    else:
        full, wanted = compose.job(overrides)
        if compose.names_folder(overrides):  # before Hydra writes into it
            from vaelab.jobs import opening

            opening.refuse_other_settings(RunFolder(wanted), plain(without_hydra(full)))
    before = folders.existing(wanted)
    failures: list[VaelabError] = []
    outcomes: list[bool] = []
    begun: list[bool] = []

    def task(cfg):
        begun.append(True)
        try:
            with (
                quietly(cfg.get("quiet", False)),
                removed_if_refused(RunFolder(HydraConfig.get().runtime.output_dir), before),
            ):
                return _job(command, cfg, outcomes)
        except (VaelabError, OSError) as error:  # the other jobs of a sweep go on; Ctrl-C ends it
            if not multirun or isinstance(error, Interrupted):
                raise _Ended(error) from error  # past Hydra, which has words of its own for an error
            if isinstance(error, OSError):
                raise
            failures.append(error)
            log.error(error)
            return None

    made = folders.NewFolder()
    compose.register_resolvers(made)
    typed_words = [*locate.typed_dirs(), *options, *overrides]
    try:
        with launch.sweeping(words.pasteable("vaelab", command, *typed_words), grid):
            _hydra_main(command, options, overrides, task)
    except _Ended as ended:
        raise ended.error from None
    except Exception as error:
        if begun:
            raise
        RunFolder(made.path or wanted).discard_if_empty(before)  # Hydra has made the run's folder, or could not
        raise _understood(error, overrides, made.path or wanted) from None
    if failures:
        log.error(f"{len(failures)} jobs of the sweep failed.")
        document(error="\n".join(map(str, failures)))
    if failures and not outcomes:
        return max(failures, key=lambda error: error.exit_code == 1).exit_code
    return 1 if failures or not all(outcomes) else 0


class _Ended(BaseException):
    """A single job's error on its way through Hydra."""

    def __init__(self, error: Exception):
        self.error = error


def _hydra_main(command: str, options: list[str], overrides: list[str], task) -> None:
    """Hydra's own command line with these words."""
    import hydra

    os.environ["HYDRA_FULL_ERROR"] = "1"
    saved = sys.argv
    sys.argv = [f"vaelab {command}", *options, f"hydra.job.name={command}", *overrides]
    try:
        hydra.main(version_base="1.3", config_path=str(locate.conf_dir()), config_name="train")(task)()
    finally:
        sys.argv = saved


def _understood(error: Exception, overrides: list[str], folder) -> Exception:
    """What is told of an error that Hydra met before the first job."""
    if (refused := _disk_error(error)) is not None:
        if refused.errno in DISK_TROUBLE:
            return refused
        path, why = refused.filename or folder, refused.strerror or refused
        return ConfigError(f"{typed.shown(str(path))} cannot be made: {why}. Choose another output_dir.")
    plumbing = [o for o in overrides if o.lstrip("+~").startswith("hydra")]
    if not plumbing or isinstance(error, VaelabError):
        return error
    return ConfigError(f"Hydra cannot work with {' '.join(plumbing)}: {first_line(error)}")


def _job(command: str, cfg, outcomes: list[bool]):
    """One job of `train` (the value that ranks it) or `reproduce` (whether the recipe passed)."""
    if command == "reproduce":
        from vaelab.commands import reproduce

        outcomes.append(reproduce.experiment(cfg))
        return float(outcomes[-1])
    from vaelab.commands import train

    return train.run(cfg)


def _disk_error(error: BaseException | None) -> OSError | None:
    """What lies behind an error of Hydra's where that is the disk."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error
