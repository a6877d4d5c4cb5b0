"""A search of your own: an object with begin, tell and ask. This one climbs from the best trial by small steps."""

import shoal
from shoal.contracts import Proposal


class HillClimber:
    def begin(self, history):
        self.history = history  # stays up to date by itself: history.best, history.x, history.value, …

    def tell(self, record):
        pass  # told every record of every peer, should you want to keep books

    def ask(self, number, rng):
        space, best = self.history.space, self.history.best
        if best is None or rng.random() < 0.1:
            return Proposal(space.sample(rng), "exploring")
        point = space.encode(self.history.params(best)) + 0.05 * rng.standard_normal(len(space.names))
        return Proposal(space.decode(point.clip(0, 1)), f"near trial {best}")


if __name__ == "__main__":
    study = shoal.Study({f"x{k}": shoal.uniform(-5, 5) for k in range(4)}, search=HillClimber(), seed=0)
    for _ in range(500):
        trial = study.ask()
        study.tell(trial, sum(x**2 for x in trial.params.values()))
    print(f"best {study.best.value:.4f}: {study.best.why}")
