"""Where ECHO keeps the callbacks: ``from shoal.dialects.hyper_opt.pruners import KerasPruningCallback``."""

from shoal.dialects.hyper_opt.utils import KerasPruningCallback, PyTorchPruningCallback

__all__ = ["KerasPruningCallback", "PyTorchPruningCallback"]
