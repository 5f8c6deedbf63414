"""Charts of docs/performance.md, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pygal
from pygal.style import CleanStyle

FOLDER = Path(__file__).parent.parent / "docs" / "charts"


def bars(
    name: str, title: str, labels: list[str], series: Mapping[str, Sequence[float | None]]
) -> None:
    """Write `docs/charts/<name>.svg`: a group of bars for each label, None where nothing is."""
    chart = pygal.HorizontalBar(
        title=title, style=CleanStyle, js=[], print_values=True,
        print_values_position="top", legend_at_bottom=True,
        legend_at_bottom_columns=2, width=900, height=160 + 34 * len(labels) * max(1, len(series)),
        formatter=lambda value: "" if value is None else f"{value:.3g}", no_prefix=True,
        disable_xml_declaration=True,
    )  # fmt: skip
    chart.x_labels = labels[::-1]  # pygal begins below
    for label, values in series.items():
        chart.add(label, values[::-1])
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.svg").write_text(chart.render(is_unicode=True) + "\n")
