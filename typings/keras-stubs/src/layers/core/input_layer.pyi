"""`keras.Input` for the type checker: one symbolic tensor, where "or a list" is inferred."""

from typing import Any

from keras.src.backend.common.keras_tensor import KerasTensor
from keras.src.layers.layer import Layer

class InputLayer(Layer): ...

def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> KerasTensor: ...
