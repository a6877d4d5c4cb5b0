"""How figures look: matplotlib's rcParams, limits and scales, by figure, as a plot YAML says; and writing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from shoal.errors import ShoalError, StudyError, misfit, unknown
from shoal.files import replacing

FIGURES = ("optimization_history", "intermediate_values", "importances", "partial_dependence", "pareto_front")
DPI = 150.0


class Style(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of one figure. Limits and scales are those of all its axes."""

    save_path: str | None = None  # another folder
    set_xlim: tuple[float, float] | None = None
    set_ylim: tuple[float, float] | None = None
    set_xscale: Literal["linear", "log", "symlog", "logit"] | None = None
    set_yscale: Literal["linear", "log", "symlog", "logit"] | None = None
    rcparams: dict[str, Any] = {}

    def apply(self, axis: Any) -> None:
        for name in ("set_xscale", "set_yscale", "set_xlim", "set_ylim"):
            value = getattr(self, name)
            if value is not None:
                getattr(axis, name)(value)


def read_styles(data: Any, source: str) -> dict[str, Style]:
    """Styles by figure, from what the YAML file ``source`` holds; its paths are relative to itself.

    Raises StudyError for what matplotlib would not take.
    """
    if not isinstance(data, Mapping):
        raise StudyError(f"{source}: a plot file is a mapping of figures to settings, got {data!r:.100}")
    found = {}
    for name, given in data.items():
        if name not in FIGURES:
            raise StudyError(f"{source}: {unknown('figure', name, FIGURES)}")
        try:
            style = msgspec.convert(given or {}, Style)
        except msgspec.ValidationError as error:
            raise StudyError(f"{source}: {name}, {misfit(error, 'its settings')}") from None
        _check(style.rcparams, f"{source}: {name}")
        if style.save_path:
            place = Path(source).absolute().parent / Path(style.save_path).expanduser()
            style = msgspec.structs.replace(style, save_path=str(place))
        found[name] = style
    return found


def _check(rcparams: Mapping[str, Any], where: str) -> None:
    import warnings

    matplotlib = _matplotlib()
    for key, value in rcparams.items():
        if key not in matplotlib.rcParams:
            raise StudyError(f"{where}: rcparams: {unknown('rcParam', key, matplotlib.rcParams)[:300]}")
        try:
            with warnings.catch_warnings(), matplotlib.rc_context():
                warnings.simplefilter("error")
                matplotlib.RcParams({key: value})
        except (ValueError, TypeError, Warning) as error:
            raise StudyError(f"{where}: rcparams: {key}: {error}") from None


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise ShoalError("a figure needs matplotlib: pip install 'shoal[plots]'; --no-plot does without") from None
    return matplotlib


def draw(
    folder: Path, name: str, style: Style, paint: Callable[[Any], None], size: tuple[float, float] = (8, 5),
    stem: str | None = None,
) -> Path:  # fmt: skip
    """Paint a figure and write it as PNG, all at once."""
    matplotlib = _matplotlib()
    from matplotlib.figure import Figure

    folder = Path(style.save_path) if style.save_path else folder
    path = folder / f"{stem or name}.png"
    with matplotlib.rc_context({"figure.dpi": DPI, "savefig.dpi": "figure", **style.rcparams}):
        size = tuple(style.rcparams.get("figure.figsize", size))
        layout: Any = None if style.rcparams.get("figure.autolayout") else "constrained"
        figure = Figure(figsize=size, layout=layout)
        paint(figure)
        for axis in figure.axes:
            style.apply(axis)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as fresh:
                figure.savefig(fresh, format="png")
        except OSError as error:
            raise ShoalError(f"cannot write {path}: {error.strerror or error}") from None
    return path
