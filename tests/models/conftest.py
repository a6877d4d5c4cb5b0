"""Models are asked with one BLAS thread, as the searches ask them: more are slower, by far where others work, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shoal.models.threads import one_thread


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield
