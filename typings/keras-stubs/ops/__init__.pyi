"""`keras.ops` for the type checker.

Keras has no annotations: what is inferred is the union of all backends, one of which returns None everywhere. A tensor
is the backend's own; there is no common type but Any.
"""

from typing import Any

import numpy as np

def convert_to_numpy(x: Any) -> np.ndarray: ...
def __getattr__(name: str) -> Any: ...
