"""From words on the command line to a checked configuration; Hydra does the composing."""

import re
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vaelab.config import check as checking
from vaelab.config import locate
from vaelab.errors import ConfigError

# Folders given with --config-dir; the search-path plugin puts them before vaelab's own.
USER_DIRS: list[Path] = []


def use_config_dir(folder: str) -> None:
    """Adds a folder of the user's options; ConfigError where it is none."""
    path = Path(folder).expanduser().resolve()
    if not path.is_dir():
        raise ConfigError(f"--config-dir: expected a folder, got {folder}, which is not there.")
    if path not in USER_DIRS:
        USER_DIRS.append(path)


@contextmanager
def _hydra():
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    register_resolvers()
    saved = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(config_dir=str(locate.conf_dir()), version_base="1.3"):
            yield
    finally:
        GlobalHydra.instance().hydra = saved


def compose(primary: str, overrides: list[str]):
    """The composed and checked configuration (an OmegaConf DictConfig, Hydra's node left out).

    Raises:
        ConfigError: every problem of the overrides and of the composed values, one sentence or two each.
    """
    with _hydra():
        full = _compose_all_problems(primary, overrides)
    return _checked(full, primary)


def check_all(primary: str, overrides: list[str], multirun: bool) -> None:
    """ConfigError if any job the overrides ask for cannot work. A sweep is checked whole, before its first job."""
    jobs = grid(overrides) if multirun else [overrides]
    with _hydra():
        for job in jobs:
            _checked(_compose_all_problems(primary, job), primary)


def typed_run_dir(overrides: list[str]) -> tuple[str, dict] | None:
    """(folder, configuration) of a run whose folder is typed as hydra.run.dir; None where one is made for it."""
    from omegaconf import OmegaConf

    if not any(o.lstrip("+").startswith("hydra.run.dir=") for o in overrides):
        return None
    with _hydra():
        full = _compose_all_problems("train", overrides)
        job = OmegaConf.masked_copy(full, [k for k in full if k != "hydra"])
        return str(full.hydra.run.dir), OmegaConf.to_container(job, resolve=True)


def grid(overrides: list[str]) -> list[list[str]]:
    """The overrides of every job of a multirun, as Hydra's basic sweeper expands them."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    kept = [o for o in overrides if not o.lstrip("+~").startswith("hydra")]
    parsed = _parse(OverridesParser.create(), kept)
    batches = BasicSweeper.split_arguments(parsed, None)
    return [list(job) for batch in batches for job in batch]


def _parse(parser, overrides):
    from hydra.errors import OverrideParseException

    try:
        return parser.parse_overrides(overrides=overrides)
    except OverrideParseException as error:
        raise ConfigError(f"'{error.override}' is not of the form key=value: {_first_line(error)}") from None


def _checked(full, primary: str):
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    choices = OmegaConf.to_container(full.hydra.runtime.choices)
    choices = {k: v for k, v in choices.items() if not k.startswith("hydra/")}
    job = OmegaConf.masked_copy(full, [k for k in full if k != "hydra"])
    try:
        plain = OmegaConf.to_container(job, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(_first_line(error)) from None
    checking.check(plain, primary=primary, choices=choices, extra_dirs=USER_DIRS)
    return job


def _compose_all_problems(primary: str, overrides: list[str]):
    """Composes; where overrides are wrong, leaves them out one by one to name all of them."""
    import yaml
    from hydra import compose as hydra_compose
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    parsed = _parse(OverridesParser.create(), list(overrides))
    for override in parsed:
        if override.is_sweep_override():
            raise ConfigError(
                f"{override.input_line} is a sweep: add -m to run one job per value, or brackets for a list."
            )
    remaining, problems = list(overrides), []
    while True:
        try:
            full = hydra_compose(primary, overrides=remaining, return_hydra_config=True)
            break
        except yaml.YAMLError as error:
            raise ConfigError(_yaml_problem(error)) from None
        except (HydraException, OmegaConfBaseException) as error:
            if isinstance(error.__cause__ or error.__context__, yaml.YAMLError):
                raise ConfigError(_yaml_problem(error.__cause__ or error.__context__)) from None
            guilty, problem = explain(error, primary, remaining)
            problems.append(problem)
            if guilty is None:
                raise ConfigError("\n".join(problems)) from None
            remaining.remove(guilty)
    if problems:
        raise ConfigError("\n".join(problems))
    return full


def explain(error: Exception, primary: str, overrides: list[str]) -> tuple[str | None, str]:
    """(the override at fault or None, what is wrong in one or two sentences) for an error of Hydra's."""
    text = str(error)
    by_key = {o.lstrip("+~").partition("=")[0].partition("@")[0]: o for o in overrides}
    missing = re.search(r"Could not (?:find|load) '([^']+)/([^'/]+)'", text)
    if missing:
        group, option = missing.groups()
        known = locate.options(group, USER_DIRS)
        guilty = by_key.get(group)
        if not known:
            return guilty, f"There is no group '{group}'. {checking.nearest(group, locate.groups(USER_DIRS))}"
        return guilty, f"{group}={option}: there is no {group} called '{option}'. {checking.nearest(option, known)}"
    bad_key = re.search(r"Could not (?:override|append|delete)[^']*'([^']+)'", text)
    if bad_key:
        key = bad_key.group(1).partition("@")[0]
        guilty = by_key.get(key) or next((o for k, o in by_key.items() if k.endswith(key)), None)
        if "already" in text:
            return guilty, f"{key} is a setting already: write it without the leading +."
        own, top = _known_keys(primary, by_key), key.partition(".")[0]
        known = own | set(locate.groups(USER_DIRS))
        chosen_here = own & {top, f"{top}s"} and "defaults list" not in text
        here = primary == "train" or chosen_here  # settings of plot=, metric= are plots., metrics.
        if not here and top in _known_keys("train", {}) | known:
            return guilty, f"{key} is set by vaelab train, not here. vaelab {primary} --help lists what can be set."
        return guilty, f"{key} is not a setting. {_nearest_key(key, known)}"
    value = re.search(r"(?:Error merging override|Value)\s+'?([^'\n]+)'?", text)
    guilty = next((o for o in overrides if value and value.group(1) in o), None)
    cause = error.__cause__
    detail = f" ({_first_line(cause)})" if cause else ""
    return guilty, f"{_first_line(error)}{detail}"


def _nearest_key(key: str, known: set[str]) -> str:
    """The nearest dotted key: same last part elsewhere, or a near miss."""
    import difflib

    where, _, last = key.rpartition(".")
    beside = {k.rpartition(".")[2]: k for k in known if k.rpartition(".")[0] == where}
    if where and (hint := checking.by_meaning(last, beside)):
        return hint
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.7)
    same_end = sorted(k for k in known if k.rpartition(".")[2] == last)
    if close or same_end:
        return f"Did you mean '{(close or same_end)[0]}'?"
    near_end = difflib.get_close_matches(last, {k.rpartition(".")[2] for k in known}, n=1, cutoff=0.75)
    if near_end:
        return f"Did you mean '{next(k for k in sorted(known) if k.rpartition('.')[2] == near_end[0])}'?"
    return (
        f"There are: {', '.join(sorted(beside.values()))}." if beside else "See vaelab train --help for the settings."
    )


def _known_keys(primary: str, by_key: dict[str, str]) -> set[str]:
    """Dotted keys of a primary config with the options chosen among the overrides.

    Args:
        by_key: {key: override}; those that choose an option of a group count, where the option exists.
    """
    from hydra import compose as hydra_compose
    from hydra.errors import HydraException
    from omegaconf import OmegaConf

    def walk(node, prefix=""):
        for key, value in node.items():
            yield f"{prefix}{key}"
            if isinstance(value, dict):
                yield from walk(value, f"{prefix}{key}.")

    chosen = [o for k, o in by_key.items() if o.partition("=")[2] in locate.options(k, USER_DIRS)]
    try:
        composed = hydra_compose(primary, overrides=chosen)
    except HydraException:  # one of the groups is none of this command's
        composed = hydra_compose(primary)
    defaults = OmegaConf.to_container(composed, resolve=False)
    return {k for k in walk(defaults) if not k.endswith("_target_")}


def _yaml_problem(error) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"{mark.name}, line {mark.line + 1}" if mark else "A yaml file"
    return f"{where} is not valid yaml: {getattr(error, 'problem', None) or _first_line(error)}."


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def register_resolvers() -> None:
    """The names Hydra's folders are made of: a run's folder, a sweep's, a sweep job's."""
    from omegaconf import OmegaConf

    from vaelab.config import folders

    OmegaConf.register_new_resolver("vaelab_run_dir", folders.run_dir, replace=True, use_cache=True)
    OmegaConf.register_new_resolver("vaelab_sweep", lambda name, now: name or now, replace=True)
    OmegaConf.register_new_resolver("vaelab_job_dir", folders.job_dir, replace=True)


def choices(overrides_cfg: Any) -> dict[str, Any]:
    """The chosen option of each group from Hydra's own node."""
    from omegaconf import OmegaConf

    found = OmegaConf.to_container(overrides_cfg.runtime.choices)
    return {k: v for k, v in found.items() if not k.startswith("hydra/")}
