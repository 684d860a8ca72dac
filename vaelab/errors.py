"""The errors a user can cause. Each is one or two sentences and is shown without a traceback."""


class VaelabError(Exception):
    """Base of the errors shown as a sentence; `exit_code` is what the process ends with."""

    exit_code = 1


class ConfigError(VaelabError):
    """What the user typed cannot be done: unknown name, wrong type, impossible combination."""

    exit_code = 2


class DataError(VaelabError):
    """Data are missing, damaged or not what the dataset expects."""

    exit_code = 2


class RunError(VaelabError):
    """A run folder is missing, damaged or not in the state a command needs."""

    exit_code = 2


class TrainingError(VaelabError):
    """Training could not go on (a loss that is not a number, memory, disk)."""

    exit_code = 1


class Interrupted(VaelabError):
    """The user stopped the run; what was finished is saved."""

    exit_code = 130
