"""From words on the command line to a checked configuration; Hydra does the composing."""

import itertools
import logging
import math
import re
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vaelab.config import check as checking
from vaelab.config import folders, locate, schema, together, typed
from vaelab.config.nearest import by_meaning, nearest
from vaelab.config.plain import about_reference, plain, without_hydra
from vaelab.errors import ConfigError, first_line

log = logging.getLogger(__name__)


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
    plumbing = _partitioned(overrides)[0]
    if plumbing:
        raise ConfigError(f"{typed.shown(plumbing[0])} would be ignored: vaelab {primary} makes no run folder.")
    with _hydra():
        full = _compose_all_problems(primary, overrides)
    return _checked(full, primary)


def check_all(primary: str, overrides: list[str], multirun: bool) -> Path:
    """ConfigError if any job the overrides ask for cannot work. A sweep is checked whole, before its first job.

    Returns:
        the folder that Hydra will make, or of a new run one like it.
    """
    with _hydra():
        if not multirun:
            full = _compose_all_problems(primary, overrides)
            _checked(full, primary)
            return _folder(full, multirun)
        plumbing, job_words = (list(part) for part in _partitioned(overrides))
        values = _values_of_jobs(job_words)
        first = _compose_all_problems(primary, [*plumbing, *(next(iter(v)) for v in values)])
        for node in ("launcher", "sweeper"):
            if not first.hydra.get(node):
                raise ConfigError(f"hydra.{node}: expected settings. Choose an option with hydra/{node}=<name>.")
        if not first.hydra.sweeper.get("_target_", "").endswith(("GridSweeper", "BasicSweeper")):
            return _folder(first, multirun)  # somebody else's sweeper decides which jobs there will be
        _refuse_too_many(values, first.hydra.sweeper.get("max_jobs"))
        if "vaelab_launcher" in str(first.hydra.launcher.get("_target_")):
            checking.check_launcher(plain(first.hydra.launcher))
        _checked(first, primary, multirun=True)
        if not first.quiet:  # half a second each, with what the launcher composes
            log.info(f"{math.prod(v.n for v in values)} jobs: composing and checking each ...")
        for job in itertools.islice(itertools.product(*values), 1, None):
            _checked(_compose_all_problems(primary, list(job)), primary, multirun=True)
        return _folder(first, multirun)


def job(overrides: list[str]) -> tuple[Any, Path]:
    """A job of `vaelab train` whose folder nobody makes yet: (checked configuration, Hydra's node with it; folder).

    Raises:
        ConfigError: every problem of the overrides and of the composed values.
    """
    with _hydra():
        full = _compose_all_problems("train", overrides)
        _checked(full, "train")
        return full, _folder(full, False)


def check_words(primary: str, overrides: list[str], *, package: str | None, resolve: bool) -> None:
    """ConfigError where what --cfg or --info are to show cannot be composed."""
    with _hydra():
        full = _compose_all_problems(primary, overrides)
        if resolve:
            plain(without_hydra(full))
        if package and package != "_global_" and _selected(full, package) is None:
            known = _known_keys(primary, {})
            raise ConfigError(f"--package: there is no node '{typed.shown(package)}'. {_nearest_key(package, known)}")


def _selected(full, key: str):
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        return OmegaConf.select(full, key)
    except OmegaConfBaseException:
        return None


def typed_run_dir(overrides: list[str]) -> tuple[str, dict] | None:
    """(folder, configuration) of a run whose folder is typed as hydra.run.dir; None where one is made for it."""
    if not any(o.lstrip("+").startswith("hydra.run.dir=") for o in overrides):
        return None
    with _hydra():
        full = _compose_all_problems("train", overrides)
        return str(full.hydra.run.dir), plain(without_hydra(full))


def grid(overrides: list[str]) -> list[list[str]]:
    """The overrides of every job of a multirun, as Hydra's basic sweeper expands them."""
    return [list(job) for job in itertools.product(*_values_of_jobs(_partitioned(overrides)[1]))]


def _partitioned(overrides: list[str]) -> tuple[list[str], list[str]]:
    """(words for Hydra itself, words of the jobs)."""
    plumbing = [o for o in overrides if o.lstrip("+~").startswith("hydra")]
    return plumbing, [o for o in overrides if o not in plumbing]


class _Values:
    """The words of one setting of a sweep, made while they are read: there may be very many.

    Attributes:
        override: Hydra's.
        n: how many there are.
    """

    def __init__(self, override):
        self.override, self.n = override, _count(override)

    def __iter__(self):
        key = self.override.get_key_element()
        if not self.override.is_sweep_override():
            return iter([f"{key}={self.override.get_value_element_as_str()}"])
        return (f"{key}={value}" for value in self.override.sweep_string_iterator())


def _values_of_jobs(overrides: list[str]) -> list[_Values]:
    """The values of every setting, in the order of the grid; where one is set twice, the later word counts."""
    from hydra.core.global_hydra import GlobalHydra

    hydra, found = GlobalHydra.instance().hydra, {}
    for override in typed.parse(overrides):
        override.config_loader = hydra.config_loader if hydra else None
        found[override.get_key_element()] = _Values(override)
    return list(found.values())


def _count(override) -> int:
    """How many values an override has in a sweep.

    Raises:
        ConfigError: none, or no countable number of them.
    """
    from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, RangeSweep

    if not override.is_sweep_override():
        return 1
    value, word = override.value(), typed.shown(override.input_line)
    if isinstance(value, IntervalSweep):
        raise ConfigError(f"{word}: an interval has no values to try one by one. Use {typed.FUNCTIONS['range']}.")
    if isinstance(value, RangeSweep):
        given = [v for v in (value.start, value.stop, value.step) if v is not None and math.isfinite(v)]
        if len(given) < 3 or given[2] == 0:
            raise ConfigError(f"{word}: expected finite numbers and a step other than 0.")
        start, stop, step = given
        n = max(0, math.ceil((stop - start) / step))
    elif isinstance(value, Glob):
        group = override.key_or_group
        if group not in locate.groups():
            raise ConfigError(f"{word}: glob stands for options of a group, and {group} is none.")
        n = len(value.filter(locate.options(group)))
    else:
        n = len(value.list) if isinstance(value, ChoiceSweep) else 0
    if not n:
        raise ConfigError(f"{word} stands for no value at all.")
    return n


def _refuse_too_many(values: list[_Values], limit: int | None) -> None:
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ConfigError(f"hydra.sweeper.max_jobs: expected an integer greater than 0 or null, got {limit}.")
    n = math.prod(v.n for v in values)
    if limit is not None and n > limit:
        each = " x ".join(f"{v.n:,} {v.override.key_or_group}" for v in values if v.n > 1)
        raise ConfigError(
            f"This sweep has {n:,} jobs ({each}); up to {limit:,} are run. hydra.sweeper.max_jobs={n} allows it."
        )


def _checked(full, primary: str, multirun: bool = False):
    job = without_hydra(full)
    cfg = plain(job)
    choices = {k: v for k, v in full.hydra.runtime.choices.items() if not k.startswith("hydra/")}
    checking.check(cfg, primary=primary, choices=choices)
    together.check_chosen_images(cfg.get("plots"))
    if primary == "train":
        words = plain(full.hydra.overrides, resolve=False)
        keys = [w.lstrip("+~").partition("=")[0] for w in (*words["task"], *words["hydra"])]
        together.check_combination(cfg, [k for k in keys if k not in MADE_BY_HYDRA], multirun)
    return job


# Words that Hydra's compose adds by itself, or our command line.
MADE_BY_HYDRA = {"hydra.mode", "hydra.job.name"}


def _folder(full, multirun: bool) -> Path:
    """The folder that Hydra will make: the run's, or the sweep's.

    Raises:
        ConfigError: it is no path.
    """
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    key = "hydra.sweep.dir" if multirun else "hydra.run.dir"
    saved = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(full)
    try:
        found = OmegaConf.select(full, key)
        if multirun:
            key = "hydra.sweep.subdir"
            OmegaConf.select(full, key)
    except (OmegaConfBaseException, RecursionError, ValueError, TypeError) as error:
        raise ConfigError(f"{key}: {about_reference(error).removeprefix(f'{key}: ')}") from None
    finally:
        HydraConfig.instance().cfg = saved
    if OmegaConf.select(full, "hydra.output_subdir") not in (".hydra", None):
        raise ConfigError("hydra.output_subdir: Hydra's record of a run is kept in .hydra; null for none.")
    if not isinstance(found, str | int | float) or not str(found).strip() or isinstance(found, bool):
        raise ConfigError(f"{key}: expected a folder, got {typed.quoted(found)}.")
    return Path(str(found))


def _compose_all_problems(primary: str, overrides: list[str]):
    """Composes; where overrides are wrong, leaves them out one by one to name all of them."""
    import yaml
    from hydra import compose as hydra_compose

    for override in typed.parse(overrides):
        if override.is_sweep_override():
            word = typed.shown(override.input_line)
            more = "add -m to run one job per value, or brackets for a list."
            if primary != "train":
                more = "this command takes one value, a list in brackets, or a text with commas in quotes."
            raise ConfigError(f"{word} is a sweep: {more}")
        _check_choice(override, primary)
    remaining, problems = list(overrides), []
    while True:
        try:
            full = hydra_compose(primary, overrides=remaining, return_hydra_config=True)
            break
        except Exception as error:  # Hydra's and OmegaConf's own kinds, and whatever a file of the user's makes of them
            cause = error.__cause__ or error.__context__
            if isinstance(yaml_error := cause if isinstance(cause, yaml.YAMLError) else error, yaml.YAMLError):
                raise ConfigError(_yaml_problem(yaml_error)) from None
            if (broken := _broken_file()) is not None:
                raise ConfigError(broken) from None
            guilty, problem = explain(error, primary, remaining)
            problems.append(problem)
            if guilty is None:
                raise ConfigError("\n".join(problems)) from None
            remaining.remove(guilty)
    if problems:
        raise ConfigError("\n".join(problems))
    return full


def _check_choice(override, primary: str) -> None:
    """ConfigError where a group is given what cannot be the name of an option."""
    group, value = override.key_or_group, override.value()
    if group not in locate.groups() or override.package is not None:
        return
    several, word = group in schema.MULTI, typed.shown(override.input_line)
    names = value if isinstance(value, list) and several else [value]
    may_be_none = group in ("experiment", "sweep") and value is None
    readable = [name for name in names if isinstance(name, str) and name]
    if override.is_delete() or (not may_be_none and readable != names):
        what = f"names of options in brackets, as in {group}=[a,b]" if several else "the name of an option"
        known = ", ".join(locate.options(group))
        raise ConfigError(f"{word}: expected {what}. There are: {known}.")
    if name := next((n for n in readable if re.search(r"[^\w.+-]|^\.", n)), None):
        hint = nearest(name, locate.options(group))
        raise ConfigError(f"{word}: there is no {group} called '{typed.shown(name)}'. {hint}")


def _broken_file() -> str | None:
    """What is wrong with the first file of the user's folders that Hydra cannot take; None where all are well."""
    import yaml

    for folder in locate.user_dirs():
        for path in sorted((*folder.glob("*.yaml"), *folder.glob("*/*.yaml"))):
            try:
                content = yaml.safe_load(path.read_text(encoding="utf-8"))
            except (yaml.YAMLError, OSError, ValueError, RecursionError) as error:
                return about_file(path, error)
            if content is not None and not isinstance(content, dict):
                return f"{path}: expected settings (key: value), got {typed.quoted(content)}."
            defaults = (content or {}).get("defaults", [])
            if not isinstance(defaults, list):
                return f"{path}: defaults: expected a list, got {typed.quoted(defaults)}."
    return None


def explain(error: Exception, primary: str, overrides: list[str]) -> tuple[str | None, str]:
    """(the override at fault or None, what is wrong in one or two sentences) for an error of Hydra's."""
    text = str(error)
    by_key = {o.lstrip("+~").partition("=")[0].partition("@")[0]: o for o in overrides}
    for key in by_key:
        if len(key) > 200:
            return by_key[key], f"'{typed.shown(key)}' is not a setting."
    missing = re.search(r"Could not (?:find|load) '([^']+)/([^'/]+)'", text)
    if missing:
        group, option = missing.groups()
        known = locate.options(group)
        guilty = by_key.get(group)
        option = typed.shown(option)
        if not known:
            return guilty, f"There is no group '{group}'. {nearest(group, locate.groups())}"
        return guilty, f"{group}={option}: there is no {group} called '{option}'. {nearest(option, known)}"
    bad_key = re.search(r"Could not (?:override|append|delete)[^']*'([^']+)'", text)
    if bad_key:
        key = bad_key.group(1).partition("@")[0]
        guilty = by_key.get(key) or next((o for k, o in by_key.items() if k.endswith(key)), None)
        if "already" in text:
            return guilty, f"{key} is a setting already: write it without the leading +."
        own, top = _known_keys(primary, by_key), key.partition(".")[0]
        known = own | set(locate.groups())
        chosen_here = own & {top, f"{top}s"} and "defaults list" not in text
        here = primary == "train" or chosen_here  # settings of plot=, metric= are plots., metrics.
        if not here and top in _known_keys("train", {}) | known:
            return guilty, f"{key} is set by vaelab train, not here. vaelab {primary} --help lists what can be set."
        return guilty, f"{key} is not a setting. {_nearest_key(key, known)}"
    guilty = _guilty(primary, overrides)
    return guilty, _about_value(error, primary, guilty)


def _guilty(primary: str, overrides: list[str]) -> str | None:
    """The override without which the rest composes."""
    from hydra import compose as hydra_compose

    for override in reversed(overrides):
        rest = list(overrides)
        rest.remove(override)
        try:
            hydra_compose(primary, overrides=rest, return_hydra_config=True)
            return override
        except Exception:  # this one is not the only one at fault
            continue
    return None


def _about_value(error: Exception, primary: str, guilty: str | None) -> str:
    """A sentence for what Hydra and OmegaConf say in words of their own."""
    word = typed.shown(guilty) if guilty else "What was typed"
    text = first_line(error.__cause__ or error)
    if isinstance(error, RecursionError) or "Recursi" in text:
        return f"{word}: nested too deeply."
    if found := re.search(r"could not be converted to (\w+)|not a (?:subclass|member) of (\w+)", text):
        kinds = {"Integer": "an integer", "Float": "a number", "Boolean": "true or false", "String": "a text"}
        kind = found[1] or found[2]
        return f"{word}: expected {kinds.get(kind, 'another kind of value')}."
    if found := re.search(r"Invalid value '[^']*', expected one of \[([^\]]*)\]", text):
        return f"{word}: expected one of {found[1]}."
    if found := re.search(r"Key '([^']+)' (?:is )?not in", text):
        return f"{word}: {found[1]} is not a setting."
    return f"{word}: that cannot stand there. vaelab {primary} --help shows every setting with its default."


def _nearest_key(key: str, known: set[str]) -> str:
    """The nearest dotted key: same last part elsewhere, or a near miss."""
    import difflib

    where, _, last = key.rpartition(".")
    beside = {k.rpartition(".")[2]: k for k in known if k.rpartition(".")[0] == where}
    if where and (hint := by_meaning(last, beside)):
        return hint
    if where and (near := difflib.get_close_matches(last, beside, n=1, cutoff=0.6)):  # of this very part
        return f"Did you mean '{beside[near[0]]}'?"
    close = [] if where and beside else difflib.get_close_matches(key, known, n=1, cutoff=0.7)
    same_end = sorted(k for k in known if k.rpartition(".")[2] == last)
    if close or same_end:
        return f"Did you mean '{(close or same_end)[0]}'?"
    ends = {} if where and beside else {k.rpartition(".")[2] for k in known}
    if near_end := difflib.get_close_matches(last, ends, n=1, cutoff=0.75):
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

    def walk(node, prefix=""):
        for key, value in node.items():
            yield f"{prefix}{key}"
            if isinstance(value, dict):
                yield from walk(value, f"{prefix}{key}.")

    def there(group, names):
        several = names.strip("[]").split(",") if group in schema.MULTI else [names]
        return set(several) <= set(locate.options(group))

    chosen = [o for k, o in by_key.items() if there(k, o.partition("=")[2])]
    try:
        composed = hydra_compose(primary, overrides=chosen)
    except HydraException:  # one of the groups is none of this command's
        composed = hydra_compose(primary)
    return {k for k in walk(plain(composed, resolve=False)) if not k.endswith("_target_")}


def about_file(path: Path, error: Exception) -> str:
    """Why a yaml file cannot be read."""
    import yaml

    if isinstance(error, yaml.YAMLError):
        return _yaml_problem(error, path)
    if isinstance(error, UnicodeDecodeError):
        return f"{path}: expected text in UTF-8, got another encoding (byte {error.start})."
    if isinstance(error, RecursionError):
        return f"{path}: nested too deeply."
    return f"{path} cannot be read: {getattr(error, 'strerror', None) or first_line(error)}."


def _yaml_problem(error, path: Path | None = None) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"{path or mark.name}, line {mark.line + 1}" if mark else str(path or getattr(error, "name", "A yaml file"))
    return f"{where} is not valid yaml: {getattr(error, 'problem', None) or first_line(error)}."


def register_resolvers(run_dir=folders.run_dir) -> None:
    """The names Hydra's folders are made of: a run's folder, a sweep's, a sweep job's.

    Args:
        run_dir: function that names the run's folder, and may make it.
    """
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver("vaelab_run_dir", run_dir, replace=True, use_cache=True)
    OmegaConf.register_new_resolver("vaelab_sweep", lambda name, now: name or now, replace=True)
    OmegaConf.register_new_resolver("vaelab_job_dir", folders.job_dir, replace=True)
