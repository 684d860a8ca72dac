"""From words on the command line to a checked configuration; Hydra does the composing."""

import itertools
import logging
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from vaelab.config import check as checking
from vaelab.config import folders, locate, schema, together, typed, words
from vaelab.config.flat import flat
from vaelab.config.nearest import by_meaning, like, nearest
from vaelab.config.plain import plain, references_told, without_hydra
from vaelab.errors import ConfigError, first_line

log = logging.getLogger(__name__)

FOREIGN = "dataset@"  # before on=<name>: an option of the group dataset whose node is `on`


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
    chosen = [FOREIGN + o if o.startswith("on=") and o != "on=null" else o for o in overrides]
    alone = [o for o in overrides if o.startswith("on.")] if chosen == overrides else []
    if alone and "on" in checking.primary_settings(primary):
        raise ConfigError(f"{typed.shown(alone[0])}: of which dataset? Add on=<name>, an option of the group dataset.")
    with _hydra():
        full = _compose_all_problems(primary, chosen)
    return _checked(full, primary)


class Grid(NamedTuple):
    """A checked sweep.

    Attributes:
        folder: the one that Hydra will make.
        composed: {(words for Hydra, words of the job): its configuration, Hydra's node with it} of every job, so that
            none has to be composed once more (a fifth of a second each); none where the sweeper decides on the jobs.
    """

    folder: Path
    composed: dict[tuple[tuple[str, ...], tuple[str, ...]], Any]

    def take(self, master, job_words: list[str]):
        """What `master`'s config loader would compose for a job, as it was checked; None where no such job was.

        Args:
            master: the sweep's configuration, by Hydra.
        """
        from omegaconf import OmegaConf

        typed_for_hydra = tuple(o for o in master.hydra.overrides.hydra if words.key(o) not in MADE_BY_HYDRA)
        full = self.composed.pop((typed_for_hydra, tuple(job_words)), None)
        if full is not None:
            OmegaConf.set_readonly(full.hydra, False)
            full.hydra.overrides.hydra = master.hydra.overrides.hydra
            full.hydra.mode, full.hydra.job.name = master.hydra.mode, master.hydra.job.name
            OmegaConf.copy_cache(from_config=master, to_config=full)  # one moment for all
        return full


def check_sweep(overrides: list[str]) -> Grid:
    """ConfigError if any job of the sweep cannot work: it is checked whole, before its first job."""
    with _hydra():
        plumbing, job_words = _partitioned(overrides)
        settings = _settings_of_jobs(job_words)
        counts = [_count(override) for override in settings]
        words_of_first = [next(_words_of(override)) for override in settings]
        first = _compose_all_problems("train", [*plumbing, *words_of_first])
        composed = {}
        for node in ("launcher", "sweeper"):
            if not first.hydra.get(node):
                raise ConfigError(f"hydra.{node}: expected settings. Choose an option with hydra/{node}=<name>.")
        if first.hydra.sweeper.get("_target_", "").endswith(("GridSweeper", "BasicSweeper")):
            _refuse_too_many(settings, counts, first.hydra.sweeper.get("max_jobs"))
            if "vaelab_launcher" in str(first.hydra.launcher.get("_target_")):
                checking.check_launcher(plain(first.hydra.launcher))
            _checked(first, "train", multirun=True)
            if not first.quiet:  # a fifth of a second each
                log.info(f"{math.prod(counts)} jobs: composing and checking each ...")
            composed[tuple(plumbing), tuple(words_of_first)] = first
            for job in itertools.islice(itertools.product(*map(_words_of, settings)), 1, None):
                full = composed[tuple(plumbing), job] = _compose_all_problems("train", [*plumbing, *job])
                _checked(full, "train", multirun=True)
        # else somebody else's sweeper decides which jobs there will be
        wanted = _folder(first, "hydra.sweep.dir")
        _folder(first, "hydra.sweep.subdir")
        return Grid(wanted, composed)


def job(overrides: list[str]) -> tuple[Any, Path]:
    """One job of `vaelab train`: (checked configuration, Hydra's node with it; the run's folder, or one like it).

    Raises:
        ConfigError: every problem of the overrides and of the composed values.
    """
    with _hydra():
        full = _compose_all_problems("train", overrides)
        _checked(full, "train")
        return full, _folder(full, "hydra.run.dir")


def names_folder(overrides: list[str]) -> bool:
    """Whether a run's folder is typed."""
    return any(o.lstrip("+").startswith("hydra.run.dir=") for o in overrides)


def check_words(overrides: list[str], *, package: str | None, resolve: bool) -> None:
    """ConfigError where what --cfg or --info are to show of `train` cannot be composed."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    with _hydra():
        full = _compose_all_problems("train", overrides)
        if resolve:
            plain(without_hydra(full))
        if package and package != "_global_":
            with suppress(OmegaConfBaseException):
                if OmegaConf.select(full, package) is not None:
                    return
            hint = _nearest_key(package, _known_keys("train", []))
            raise ConfigError(f"--package: there is no node '{typed.shown(package)}'. {hint}")


def _partitioned(overrides: list[str]) -> tuple[list[str], list[str]]:
    """(words for Hydra itself, words of the jobs)."""
    plumbing = [o for o in overrides if o.lstrip("+~").startswith("hydra")]
    return plumbing, [o for o in overrides if o not in plumbing]


def _settings_of_jobs(overrides: list[str]) -> list:
    """Hydra's override of every setting, in the order of the grid; where one is set twice, the later word counts."""
    from hydra.core.global_hydra import GlobalHydra

    hydra, found = GlobalHydra.instance().hydra, {}
    for override in typed.parse(overrides):
        override.config_loader = hydra.config_loader if hydra else None
        found[override.get_key_element()] = override
    return list(found.values())


def _words_of(override) -> Iterator[str]:
    """The words of one setting of a sweep, made while they are read: there may be very many."""
    sweeps = override.is_sweep_override()
    for value in override.sweep_string_iterator() if sweeps else [override.get_value_element_as_str()]:
        yield f"{override.get_key_element()}={value}"


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


def _refuse_too_many(settings: list, counts: list[int], limit: int | None) -> None:
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ConfigError(f"hydra.sweeper.max_jobs: expected an integer greater than 0 or null, got {limit}.")
    n = math.prod(counts)
    if limit is not None and n > limit:
        each = " x ".join(f"{k:,} {override.key_or_group}" for override, k in zip(settings, counts) if k > 1)
        raise ConfigError(
            f"This sweep has {n:,} jobs ({each}); up to {limit:,} are run. hydra.sweeper.max_jobs={n} allows it."
        )


def _checked(full, primary: str, multirun: bool = False):
    job = without_hydra(full)
    cfg = plain(job)
    choices = {k: v for k, v in full.hydra.runtime.choices.items() if not k.startswith("hydra/")}
    checking.check(cfg, primary=primary, choices=choices)
    together.check_chosen_images(cfg.get("plots"))
    given = plain(full.hydra.overrides, resolve=False)
    keys = [key for word in (*given["task"], *given["hydra"]) if (key := words.key(word)) not in MADE_BY_HYDRA]
    together.check_foreign(keys)
    if primary == "train":
        together.check_combination(cfg, keys, multirun)
    return job


# Words that Hydra's compose adds by itself, or our command line.
MADE_BY_HYDRA = {"hydra.mode", "hydra.job.name"}


def _folder(full, key: str) -> Path:
    """The folder that Hydra will make, or the part of its name that `key` is.

    Raises:
        ConfigError: it is no path.
    """
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    saved = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(full)
    try:
        with references_told(key):
            found = OmegaConf.select(full, key)
    finally:
        HydraConfig.instance().cfg = saved
    if OmegaConf.select(full, "hydra.output_subdir") not in (".hydra", None):
        raise ConfigError("hydra.output_subdir: Hydra's record of a run is kept in .hydra; null for none.")
    if not isinstance(found, str | int | float) or not str(found).strip() or isinstance(found, bool):
        raise ConfigError(f"{key}: expected a folder, got {typed.quoted(found)}.")
    return Path(str(found))


def _compose_all_problems(primary: str, overrides: list[str]):
    """Composes; where overrides are wrong, adds them one by one, options first, to name all of them."""
    from functools import partial

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
    composed = partial(hydra_compose, primary, return_hydra_config=True)
    try:
        return composed(overrides=overrides)
    except Exception as error:  # Hydra's and OmegaConf's own kinds, and whatever a file of the user's makes of them
        cause = error.__cause__ or error.__context__
        if isinstance(yaml_error := cause if isinstance(cause, yaml.YAMLError) else error, yaml.YAMLError):
            raise ConfigError(_yaml_problem(yaml_error)) from None
        if (broken := _broken_file()) is not None:
            raise ConfigError(broken) from None
        right, problems = [], []
        for word in sorted(overrides, key=lambda w: words.key(w) not in locate.groups() and "/" not in words.key(w)):
            try:
                composed(overrides=[*right, word])
                right.append(word)
            except Exception as its_own:
                problems.append(_explained(its_own, primary, word, overrides))
        raise ConfigError("\n".join(problems or [_explained(error, primary, None, [])])) from None


def _check_choice(override, primary: str) -> None:
    """ConfigError where a group is given what cannot be the name of an option."""
    group, value = override.key_or_group, override.value()
    if group not in locate.groups():
        return
    several, word = group in schema.MULTI, typed.shown(override.input_line.removeprefix(FOREIGN))
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
                content = locate.content(path)
            except (yaml.YAMLError, OSError, ValueError, RecursionError) as error:
                return about_file(path, error)
            if not isinstance(content, dict):
                return f"{path}: expected settings (key: value), got {typed.quoted(content)}."
            defaults = content.get("defaults", [])
            if not isinstance(defaults, list):
                return f"{path}: defaults: expected a list, got {typed.quoted(defaults)}."
    return None


def _explained(error: Exception, primary: str, word: str | None, overrides: list[str]) -> str:
    """What is wrong with a word, in one or two sentences, by the error that Hydra has for it.

    Args:
        word: None where none is at fault.
        overrides: all that was typed.
    """
    text = str(error)
    if missing := re.search(r"Could not (?:find|load) '([^']+)/([^'/]+)'", text):
        group, option = missing[1], typed.shown(missing[2])
        if not (known := locate.options(group)):
            return f"There is no group '{group}'. {nearest(group, locate.groups())}"
        key = "on" if (word or "").startswith(FOREIGN) else group
        return f"{key}={option}: there is no {group} called '{option}'. {nearest(option, known)}"
    if bad_key := re.search(r"Could not (?:override|append|delete)[^']*'([^']+)'", text):
        key = bad_key[1].partition("@")[0]
        if "already" in text:
            return f"{key} is a setting already: write it without the leading +."
        own, top = _known_keys(primary, overrides), key.partition(".")[0]
        if "delete" in text and key in own:  # Hydra sees none where the value is null
            return f"{key} is null already; a setting cannot be taken away."
        known = own | set(locate.groups())
        chosen_here = own & {top, f"{top}s"} and "defaults list" not in text
        here = primary == "train" or chosen_here  # settings of plot=, metric= are plots., metrics.
        if not here and top in _known_keys("train", []) | known:
            return f"{key} is set by vaelab train, not here. vaelab {primary} --help lists what can be set."
        return f"{key} is not a setting. {_nearest_key(key, known)}"
    return _about_value(error, primary, word)


def _about_value(error: Exception, primary: str, word: str | None) -> str:
    """A sentence for what Hydra and OmegaConf say in words of their own."""
    word = typed.shown(word) if word else "What was typed"
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


def meant(primary: str, name: str) -> str | None:
    """The setting or group of a command that a name stands for: of latent-dim latent_dim, of epochs trainer.epochs, of
    lr trainer.learning_rate; None where there is none like it."""
    import difflib

    if not (locate.conf_dir() / f"{primary}.yaml").is_file():
        return None
    with _hydra():
        known = {*_known_keys(primary, []), *locate.chosen(primary)}
    name = name.replace("-", "_")
    if name in known:
        return name
    ends = [k for k in known if k.rpartition(".")[2] in like(name)]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    return min(ends or close, key=lambda k: (k.count("."), not k.startswith("trainer."), k), default=None)


def _known_keys(primary: str, overrides: list[str]) -> set[str]:
    """Dotted keys of a primary config with the options chosen among the overrides, as far as there are such options."""
    from hydra import compose as hydra_compose
    from hydra.errors import HydraException

    def there(group, names):
        several = names.strip("[]").split(",") if group in schema.MULTI else [names]
        return set(several) <= set(locate.options(group))

    by_key = {words.key(word): word for word in overrides}
    chosen = [word for key, word in by_key.items() if there(key, word.partition("=")[2])]
    try:
        composed = hydra_compose(primary, overrides=chosen)
    except HydraException:  # one of the groups is none of this command's
        composed = hydra_compose(primary)
    return {k for k, _ in flat(plain(composed, resolve=False), nodes=True) if not k.endswith("_target_")}


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
