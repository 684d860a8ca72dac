"""Names for ranges of numbers. Signatures use them; the configuration check reads them from the source."""

from typing import Annotated, Literal

PositiveInt = Annotated[int, "greater than 0"]
NonNegativeInt = Annotated[int, "0 or greater"]
DotsPerInch = Annotated[int, "from 30 to 600"]
TwoOrMore = Annotated[int, "2 or greater"]
TSNEIterations = Annotated[int, "250 or greater"]  # the first 250 exaggerate affinities
PositiveFloat = Annotated[float, "greater than 0"]
NonNegativeFloat = Annotated[float, "0 or greater"]
Fraction = Annotated[float, "between 0 and 1"]
Minutes = Annotated[str, "with minutes, as in 5min"]
FolderName = Annotated[str, "that can name a folder"]
HistoryKey = Annotated[str, "such as val/loss, or -val/elbo to maximise"]

Condition = str | int | float | list | dict  # what may be typed of one

PictureFormat = Literal["png", "pdf", "svg"]
PictureFormats = Annotated[list[PictureFormat], "that is not empty"]
Split = Literal["train", "validation", "test"]
KernelInitializer = Literal[
    "he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "lecun_normal", "lecun_uniform"
]  # fmt: skip
Activation = Literal[
    "relu", "elu", "gelu", "leaky_relu", "linear", "selu", "sigmoid", "silu", "softplus", "tanh"
]  # fmt: skip
