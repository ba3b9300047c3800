"""`snapshot.json`: the page's figures as a document, for `shelfport top` and for programs."""

from collections.abc import Mapping
from typing import Any

import msgspec

from shelfport.adapters.ops.plots import KINDS
from shelfport.adapters.ops.view import OpsView

SCHEMA = 1
"""The version of the document. Within it, fields are added, but not removed or changed."""


def ops_document(view: OpsView, title: str) -> Mapping[str, Any]:
    """The document: durations in seconds, instants in UTC, null for a missing value."""
    latencies = view.latencies
    document = {
        "schema": SCHEMA,
        "title": title,
        "at": view.now,
        "health": view.health,
        "snapshot": view.snapshot,
        "retry_budget_max": view.budget_max,
        "deadline": view.settings.deadline,
        "latency": {
            "attempts": latencies.count,
            "failed": sum(latencies.failed),
            "p50": latencies.quantile(0.5),
            "p95": latencies.quantile(0.95),
            "p99": latencies.quantile(0.99),
        },
        "faults": {scope.value: count for scope, count in view.faults.items()},
        "served": dict(zip(KINDS, view.served.totals, strict=True)),
        "queue": None
        if view.queue is None
        else {
            "waiting": view.queue.waiting,
            "dead_letters": view.queue.dead_letters,
            "oldest": view.queue.oldest,
            "trouble": view.queue.trouble,
        },
        "log": [
            {
                "at": line.last.at,
                "kind": line.last.kind,
                "severity": line.last.severity,
                "sentence": line.last.sentence,
                "correlation_id": line.last.correlation_id,
                "times": line.times,
            }
            for line in view.log
        ],
    }
    camel: Mapping[str, Any] = _camel(msgspec.to_builtins(document))
    return camel


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {_camel_name(key): _camel(inner) for key, inner in value.items()}
    return [_camel(inner) for inner in value] if isinstance(value, list | tuple) else value


def _camel_name(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
