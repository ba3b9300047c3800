"""The table of metrics, against itself, its documents, the dashboard and the alerts."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from shelfport.adapters.observability.metric import INTEGRATION, Kind, Metric
from shelfport.adapters.observability.metrics import METRICS

DOCS = Path(__file__).parents[3] / "docs"
BY_NAME = {metric.prometheus_name: metric for metric in METRICS}
DASHBOARD = json.loads((DOCS / "grafana" / "shelfport.json").read_text("utf-8"))
ALERTS = yaml.safe_load((DOCS / "alerts.yml").read_text("utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    """Every PromQL expression of the dashboard and of the alerts."""
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    variables = [variable["query"] for variable in DASHBOARD["templating"]["list"]]
    return panels + [v for v in variables if v != "prometheus"] + [r["expr"] for r in RULES]


def series(metric: Metric) -> set[str]:
    """The names of a metric's series in Prometheus."""
    name = metric.prometheus_name
    if metric.kind is Kind.HISTOGRAM:
        return {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    return {name}


def test_every_metric_is_documented() -> None:
    """docs/metrics.md has a row for each metric: both names, kind, unit and labels."""
    rows = re.findall(
        r"^\| `([\w.]+)` \| `(\w+)` \| (\w+) \| `(\S+)` \| (.*?) \| .{10,} \|$",
        (DOCS / "metrics.md").read_text("utf-8"),
        re.MULTILINE,
    )

    assert {
        (m.name, m.prometheus_name, m.kind.value, m.unit, ", ".join(f"`{x}`" for x in m.labels))
        for m in METRICS
    } == set(rows)
    assert len(METRICS) == len(rows)


def test_names_are_unique() -> None:
    """No two metrics share a name, in either spelling."""
    assert len(METRICS) == len({m.name for m in METRICS}) == len(BY_NAME)


@pytest.mark.parametrize("expression", expressions())
def test_named_series_exist(expression: str) -> None:
    """Every series and label that the dashboard and the alerts name is in the table."""
    known = {name: metric for metric in METRICS for name in series(metric)}
    named = re.findall(r"\b((?:shelfport_inventory|http_client)_\w+)(?:\{([^}]*)\})?", expression)

    assert [] != named
    assert set() == {name for name, _ in named} - set(known)
    labels = {"le"}.union(
        *({x.replace(".", "_") for x in (*known[name].labels, INTEGRATION)} for name, _ in named)
    )
    selected = {x for _, selector in named for x in re.findall(r"(\w+)\s*(?:=|!=|=~|!~)", selector)}
    grouped = {x.strip() for by in re.findall(r"by \(([^)]*)\)", expression) for x in by.split(",")}
    assert set() == (selected | grouped) - labels


def test_the_dashboard() -> None:
    """Every panel has a title, an explanation and a place of its own."""
    panels = DASHBOARD["panels"]

    assert [] == [p["id"] for p in panels if not p["title"] or not p["description"]]
    assert len(panels) == len({p["id"] for p in panels})
    assert len(panels) == len({(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels})


def test_every_metric_is_used() -> None:
    """The dashboard or an alert uses each metric."""
    text = " ".join(expressions())

    assert [] == [m.name for m in METRICS if not any(name in text for name in series(m))]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_is_complete(rule: dict[str, Any]) -> None:
    """Every alert has a duration, a severity, a summary and a description."""
    assert re.fullmatch(r"\d+m", rule["for"])
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
