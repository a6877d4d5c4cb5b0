"""What is tuned while faults are made: three reports, which take ``seconds`` until a file says to hurry."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator


def train(params: dict[str, float]) -> Iterator[dict[str, float]]:
    for epoch in (1, 2, 3):
        time.sleep(0.0 if os.path.exists("hurry") else params["seconds"] / 3)
        yield {"loss": params["x"] + 1 / epoch}
