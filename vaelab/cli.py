"""`vaelab COMMAND [key=value ...]`: finds the command, checks the configuration, hands over. Imports nothing heavy."""

import os
import sys

from vaelab.config.commands import COMMANDS, HYDRA_RUN, RUN_FILTERS, VERBS
from vaelab.errors import DISK_TROUBLE, WRONG_PATH, ConfigError, Interrupted, VaelabError, about_disk, tracebacks_kept
from vaelab.system import printing


def main(argv: list[str] | None = None) -> int:
    """Runs one command line; returns the exit code: 0 done, 1 failed, 2 wrong input, 130 interrupted."""
    argv = list(sys.argv[1:] if argv is None else argv)
    with printing.despite_trouble():
        try:
            with tracebacks_kept():
                return _dispatch(argv)
        except VaelabError as error:
            return _told(error)
        except KeyboardInterrupt:
            print("vaelab: interrupted.", file=sys.stderr)
            return 130
        except OSError as error:
            print(f"vaelab: {about_disk(error)}", file=sys.stderr)
            return 2 if error.errno in WRONG_PATH else 1


def _dispatch(argv: list[str]) -> int:
    if argv and argv[0] in ("-sc", "--shell-completion"):
        from vaelab.commands import completion

        return completion.answer()
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if argv[0] in ("-V", "--version"):
        from vaelab import __version__

        print(f"vaelab {__version__}")
        return 0
    command, *rest = argv
    if command not in COMMANDS:
        from vaelab.config.nearest import nearest

        raise ConfigError(f"There is no command '{command}'. {nearest(command, COMMANDS)} See vaelab --help.")
    if command == "completion" and not {"--help", "-h"} & set(rest):
        from vaelab.commands import completion

        return completion.run(rest)
    options, overrides = split_options(take_verb(command, rest), command)
    if command == "runs":  # dataset=mnist filters here; to Hydra it would choose an option of a group
        overrides = [f"filter.{o}" if o.partition("=")[0] in RUN_FILTERS else o for o in overrides]
    if command == "report":  # sweep is a group of conf/, too
        overrides = [f"of.{o}" if o.startswith("sweep=") else o for o in overrides]
    if "--help" in options:
        from vaelab.commands import help_page

        print(help_page.page(command))
        return 0
    if any(o.startswith(("sweep=", "cluster=")) for o in overrides) and command in HYDRA_RUN:
        from vaelab.sweeps import recipe

        options, overrides = recipe.expand(options, overrides)
    if command in HYDRA_RUN and not (command == "reproduce" and _names_a_run(overrides)):
        return run_under_hydra(command, options, overrides)
    if options:
        raise ConfigError(f"vaelab {command} run=... has no option {options[0]}. See vaelab {command} --help.")
    return run_composed(command, overrides)


def usage() -> str:
    """The page of `vaelab --help`."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "vaelab: a config-driven lab for variational autoencoders",
            "",
            "usage: vaelab COMMAND [group=option ...] [key=value ...]",
            "",
            *lines,
            "",
            "  vaelab train dataset=fashionmnist model=conv_v2",
            "  vaelab train -m dataset=fashionmnist beta=0.5,1,4 latent_dim=2,10",
            "  vaelab explore run=latest",
            "",
            "R is a run folder, an MLflow run id or run name, or 'latest'. vaelab COMMAND --help shows every setting.",
        ]
    )


def _names_a_run(overrides: list[str]) -> bool:
    return any(o.startswith("run=") for o in overrides)


def take_verb(command: str, rest: list[str]) -> list[str]:
    """`data show dataset=x` -> `verb=show dataset=x`."""
    verbs = VERBS.get(command)
    if not verbs or not rest or "=" in rest[0] or rest[0].startswith("-"):
        return rest
    if rest[0] not in verbs:
        from vaelab.config.nearest import nearest

        raise ConfigError(f"vaelab {command} {rest[0]}: there is no such verb. {nearest(rest[0], verbs)}")
    return [f"verb={rest[0]}", *rest[1:]]


def split_options(rest: list[str], command: str = "train") -> tuple[list[str], list[str]]:
    """(Hydra's options with their values, overrides), wherever the options stand; --config-dir is taken out.

    Raises:
        ConfigError: a word that is neither, --config-dir without a folder.
    """
    from vaelab.config import typed
    from vaelab.config.compose import use_config_dir

    options, overrides, folders = typed.split(command, rest, command in HYDRA_RUN)
    for folder in folders:
        use_config_dir(folder)
    for note in typed.repeated(overrides):
        print(f"note: {note}", file=sys.stderr)
    return options, overrides


def run_composed(command: str, overrides: list[str]) -> int:
    """A command without a Hydra run folder: compose, check, call."""
    import importlib

    from vaelab.config.compose import compose

    cfg = compose(command, overrides)
    return importlib.import_module(f"vaelab.commands.{command}").run(cfg) or 0


def run_under_hydra(command: str, options: list[str], overrides: list[str]) -> int:
    """A command with a run folder: every job is checked first, then Hydra runs it (or the sweep)."""
    import hydra
    from hydra.core.hydra_config import HydraConfig

    from vaelab.config import compose, folders, locate, typed
    from vaelab.records.run_folder import RunFolder, removed_if_refused

    multirun = bool({"-m", "--multirun"} & set(options)) or any(o.startswith("hydra.mode=MULTIRUN") for o in overrides)
    if any(o.startswith("hydra.launcher.") for o in overrides):
        from vaelab.sweeps import recipe

        recipe.check_launcher(overrides)
    if multirun and command == "reproduce":  # judges each job in this process
        overrides = [*overrides, "hydra/launcher=basic"]
    only_shown = bool({"--cfg", "--info"} & set(options))
    if only_shown:
        package = options[options.index("--package") + 1] if "--package" in options else None
        compose.check_words("train", overrides, package=package, resolve="--resolve" in options)
    else:
        wanted = compose.check_all("train", overrides, multirun)
        before = folders.existing(wanted)
        if not multirun and (own := compose.typed_run_dir(overrides)):  # before Hydra writes into it
            from vaelab.jobs import opening

            opening.refuse_other_settings(RunFolder(own[0]), own[1])
    failures: list[VaelabError] = []
    outcomes: list[bool] = []
    begun: list[bool] = []

    def task(cfg):
        begun.append(True)
        try:
            with removed_if_refused(RunFolder(HydraConfig.get().runtime.output_dir), before):
                return _job(command, cfg, outcomes)
        except VaelabError as error:  # the other jobs of a sweep go on; Ctrl-C ends it
            if not multirun or isinstance(error, Interrupted):
                raise SystemExit(_told(error)) from None
            failures.append(error)
            print(f"vaelab: {error}", file=sys.stderr)
            return None
        except OSError as error:
            if multirun or about_disk(error) is None:
                raise
            print(f"vaelab: {about_disk(error)}", file=sys.stderr)
            raise SystemExit(1) from None

    made = folders.NewFolder()
    compose.register_resolvers(folders.run_dir if only_shown else made)
    os.environ["HYDRA_FULL_ERROR"] = "1"
    saved = sys.argv
    sys.argv = [f"vaelab {command}", *options, f"hydra.job.name={command}", *overrides]
    try:
        hydra.main(version_base="1.3", config_path=str(locate.conf_dir()), config_name="train")(task)()
    except SystemExit as end:
        return end.code or 0
    except Exception as error:
        if begun:
            raise
        if not only_shown:  # Hydra has made the run's folder, or could not
            RunFolder(made.path or wanted).discard_if_empty(before)
        if (refused := _disk_error(error)) is not None:
            if refused.errno in DISK_TROUBLE:
                raise refused from None
            path, why = refused.filename or wanted, refused.strerror or refused
            raise ConfigError(f"{typed.shown(str(path))} cannot be made: {why}. Choose another output_dir.") from None
        told = [o for o in overrides if o.lstrip("+~").startswith("hydra")]
        if not told or isinstance(error, VaelabError):
            raise
        raise ConfigError(f"Hydra cannot work with {' '.join(told)}: {compose.first_line(error)}") from None
    finally:
        sys.argv = saved
        if "vaelab.sweeps.launch" in sys.modules:
            sys.modules["vaelab.sweeps.launch"].finish()
    if failures:
        print(f"vaelab: {len(failures)} jobs of the sweep failed.", file=sys.stderr)
    if failures and not outcomes:
        return max(failures, key=lambda error: error.exit_code == 1).exit_code
    return 1 if failures or not all(outcomes) else 0


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


def _told(error: VaelabError) -> int:
    """Prints the sentence; returns the exit code."""
    print(f"vaelab: {error}", file=sys.stderr)
    return error.exit_code
