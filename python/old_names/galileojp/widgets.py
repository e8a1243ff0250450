"""Choosing experiments in a notebook."""
from __future__ import annotations

from typing import Any

from .frames import ExperimentFrameGateway


def experiment_dropdown(fgw: ExperimentFrameGateway, **kwargs: Any) -> Any:
    """A dropdown of ipywidgets: "id: name", its value the id."""
    import ipywidgets  # type: ignore[import-untyped,unused-ignore]

    options = {"description": "Experiment:", "disabled": False, "layout": ipywidgets.Layout(width="100%")}
    return ipywidgets.Dropdown(options=_choices(fgw), **{**options, **kwargs})


def experiment_selector(fgw: ExperimentFrameGateway, **kwargs: Any) -> Any:
    """A list of ipywidgets to choose several of: "id: name", its value the ids."""
    import ipywidgets

    options = {"description": "Experiment:", "layout": ipywidgets.Layout(width="100%")}
    return ipywidgets.SelectMultiple(options=_choices(fgw), **{**options, **kwargs})


def _choices(fgw: ExperimentFrameGateway) -> list[tuple[str, str]]:
    found = fgw.experiments()
    return [(f"{exp_id}: {name}", exp_id) for exp_id, name in zip(found["EXP_ID"], found["NAME"])]
