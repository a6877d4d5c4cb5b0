"""When hyperparameters are learnt anew."""

from __future__ import annotations

import numpy as np
import pytest

from shoal.models import learner
from shoal.models.evidence import Evidence
from shoal.models.learner import Learner, spread

pytestmark = pytest.mark.usefixtures("one_blas_thread")
RNG = np.random.default_rng(0)
X = RNG.random((120, 2))
LOSSES = (X - 0.3).sum(1) ** 2 + 0.01 * RNG.random(120)
GROUP = np.array([0, 1])


def made() -> Learner:
    return Learner(GROUP, seed=1, samples=4)


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From how many observations each mode was learnt."""
    found: list[int] = []

    class Counted(Evidence):
        def mode(self, *given: object) -> object:  # type: ignore[override]
            found.append(len(self._x))
            return super().mode(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(learner, "Evidence", Counted)
    return found


def test_they_are_learnt_anew_only_once_observations_have_grown_by_a_share(learnt: list[int]) -> None:
    learn = made()
    for count in range(40, 121):
        learn(X[:count], lambda n: LOSSES[:n])
    assert learnt[:4] == [5, 10, 20, 40]  # each from where it was with half of them
    assert sorted(set(learnt)) == sorted(learnt)
    asked = [*range(40, 64, 4), *range(64, 121, 8)]
    assert set(learnt) == {count >> halved for count in asked for halved in range(6)} - {0, 1, 2, 3, 4}


def test_who_joins_late_has_the_same() -> None:
    all_along = made()
    for count in range(5, 101):
        all_along(X[:count], lambda n: LOSSES[:n])
    late = made()(X[:100], lambda n: LOSSES[:n])
    told = all_along(X[:100], lambda n: LOSSES[:n])
    assert [(theta.pack().tolist(), times) for theta, times in told] == [(t.pack().tolist(), n) for t, n in late]
    assert sum(times for _, times in told) == 5  # the mode, and four samples


def test_a_loss_that_comes_in_late_has_them_learnt_anew(learnt: list[int]) -> None:
    learn, other = made(), LOSSES.copy()
    before = learn(X[:100], lambda n: LOSSES[:n])
    other[3] += 0.5
    assert (learn(X[:100], lambda n: other[:n])[0][0].pack() != before[0][0].pack()).all()
    assert learnt.count(96) == 2


def test_of_too_many_the_best_are_kept_and_an_even_choice_of_the_others_but_what_comes_first_before_all() -> None:
    losses = np.array([9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0, 0.0])
    assert spread(losses, 10).tolist() == list(range(10))
    assert spread(losses, 4).tolist() == [0, 1, 8, 9]
    first = losses > 5.0
    assert spread(losses, 4, first).tolist() == [0, 2, 4, 6]
    assert spread(losses, 6, first).tolist() == [0, 1, 2, 4, 6, 9]
    assert spread(losses, 2, first).tolist() == [0, 6]
