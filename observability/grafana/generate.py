"""Makes dashboards/*.json of dashboards.yml: `make generated`.

What all dashboards have alike stands here, once: sources by their fixed names, variables, layout, links.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from gateway.config.source import read

FOLDER = Path(__file__).parent

_PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
_LOKI = {"type": "loki", "uid": "loki"}
_TAG = "azora-gateway"
_COLUMNS = 24
# kind -> the type of Grafana's panel, its width and its height.
_KINDS = {
    "stat": ("stat", 4, 4),
    "graph": ("timeseries", 8, 8),
    "table": ("table", 24, 10),
    "logs": ("logs", 24, 10),
}
# name -> the metric and the label whose values can be chosen, and how the choice is named.
_VARIABLES = {
    "upstream": ('gateway_requests_total{upstream!=""}', "upstream", "Service"),
    "one upstream": ('gateway_requests_total{upstream!=""}', "upstream", "Service"),
    "route": ("gateway_requests_total", "route", "Route"),
    "its route": ('gateway_requests_total{upstream="$upstream"}', "route", "Route"),
    "policy": ("gateway_decisions_total", "policy", "Policy"),
    "tier": ("gateway_quota_refusals_total", "tier", "Tier"),
    "issuer": ("gateway_keys_loaded", "issuer", "Issuer"),
    "service": ("slo:objective:ratio", "service", "Service"),
    "instance": ("gateway_build_info", "instance", "Instance"),
}
_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "stat": {"reduceOptions": _LAST, "colorMode": "value", "graphMode": "none", "textMode": "auto"},
    "graph": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "table": {"showHeader": True, "cellHeight": "sm"},
    "logs": {"showTime": True, "enableLogDetails": True, "sortOrder": "Descending", "dedupStrategy": "none"},
}
# The histogram whose buckets name the trace of a request.
_EXEMPLARS = "gateway_request_duration_seconds"
_RELOADS = "changes(gateway_reload_last_success_timestamp_seconds[2m]) > 0"


def generated() -> dict[str, str]:
    """The name of each file, and its text."""
    tree, problems = read("dashboards.yml", (FOLDER / "dashboards.yml").read_bytes(), lambda raw: raw)
    if problems:
        raise ValueError("\n".join(map(str, problems)))
    described: Any = tree.data
    return {
        f"{one['uid']}.json": json.dumps(_dashboard(one), indent=2) + "\n" for one in described["dashboards"]
    }


def _dashboard(described: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": None,
        "uid": described["uid"],
        "title": described["title"],
        "description": described["says"],
        "tags": [_TAG],
        "schemaVersion": 41,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "links": [
            {
                **{"type": "dashboards", "tags": [_TAG], "title": "Azora Gateway", "asDropdown": True},
                **{"keepTime": True, "includeVars": True, "targetBlank": False},
            }
        ],
        "annotations": {"list": [_annotation()]},
        "templating": {"list": [_variable(name) for name in described["variables"]]},
        "panels": [*_panels(described["rows"])],
    }


def _annotation() -> dict[str, Any]:
    return {
        **{"name": "Reloads", "datasource": _PROMETHEUS, "enable": True, "iconColor": "blue"},
        **{"expr": _RELOADS, "step": "60s", "titleFormat": "Reload", "textFormat": "{{instance}}"},
    }


def _variable(name: str) -> dict[str, Any]:
    metric, label, title = _VARIABLES[name]
    query = f"label_values({metric}, {label})"
    several = not name.startswith("one ")
    return {
        **{"name": label, "label": title, "type": "query", "datasource": _PROMETHEUS},
        **{"definition": query, "query": {"query": query, "refId": label}},
        **{"refresh": 2, "sort": 1, "multi": several, "includeAll": several},
        # Of all values also the empty one: routes without a service.
        **({"allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}} if several else {}),
    }


def _panels(rows: list[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows under each other, the panels of each from left to right; the last of a line makes it full."""
    number, top = 0, 0
    for row in rows:
        number += 1
        place = {"h": 1, "w": _COLUMNS, "x": 0, "y": top}
        yield {
            "id": number,
            "type": "row",
            "title": row["title"],
            "collapsed": False,
            "gridPos": place,
            "panels": [],
        }
        top += 1
        for line in _lines(row["panels"]):
            width = _COLUMNS // len(line)
            height = max(_KINDS[_kind(panel)][2] for panel in line)
            for index, panel in enumerate(line):
                number += 1
                place = {"h": height, "w": width, "x": index * width, "y": top}
                yield {"id": number, "gridPos": place, **_panel(panel)}
            top += height


def _lines(panels: list[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """What stands beside each other: panels of one kind, spread evenly over as few lines as will do."""
    for kind, group in groupby(panels, _kind):
        alike = [*group]
        lines = -(-len(alike) // (_COLUMNS // _KINDS[kind][1]))
        size = -(-len(alike) // lines)
        yield from (alike[start : start + size] for start in range(0, len(alike), size))


def _kind(panel: Mapping[str, Any]) -> str:
    return next(kind for kind in _KINDS if kind in panel)


def _panel(panel: Mapping[str, Any]) -> dict[str, Any]:
    kind = _kind(panel)
    source = _LOKI if kind == "logs" else _PROMETHEUS
    asked = panel.get("ask") or dict(_quantiles(**panel["quantiles"]))
    made: dict[str, Any] = {
        **{"type": _KINDS[kind][0], "title": panel[kind], "description": panel["says"], "datasource": source},
        "targets": [
            {
                **{"refId": chr(ord("A") + index), "datasource": source, "editorMode": "code"},
                **{"expr": expression, **_manner(kind, legend, expression)},
            }
            for index, (legend, expression) in enumerate(asked.items())
        ],
        "options": _OPTIONS[kind],
        "fieldConfig": {"defaults": _defaults(kind, panel), "overrides": []},
    }
    return _as_table(made, panel) if kind == "table" else made


def _quantiles(metric: str, matching: str = "") -> Iterator[tuple[str, str]]:
    for percent in (50, 95, 99):
        rate = f"rate({metric}_bucket{{{matching}}}[$__rate_interval])"
        yield f"p{percent}", f"histogram_quantile({percent / 100}, sum by (le) ({rate}))"


def _manner(kind: str, legend: str, expression: str) -> dict[str, Any]:
    """How a query is asked: over the time shown, or once."""
    if kind == "logs":
        return {"queryType": "range"}
    if kind == "table":
        return {"legendFormat": legend, "format": "table", "instant": True, "range": False}
    if kind == "stat":
        return {"legendFormat": legend, "instant": True, "range": False}
    return {"legendFormat": legend, "range": True, "exemplar": f"{_EXEMPLARS}_bucket" in expression}


def _defaults(kind: str, panel: Mapping[str, Any]) -> dict[str, Any]:
    """How values are drawn."""
    if kind == "logs":
        return {}
    steps = [{"color": "text", "value": None}]
    if limits := panel.get("limits"):
        colours = zip(("green", "orange", "red"), (None, *limits), strict=True)
        steps = [{"color": colour, "value": value} for colour, value in colours]
    drawn: dict[str, Any] = {"thresholds": {"mode": "absolute", "steps": steps}}
    if kind != "table":
        drawn["unit"] = panel["unit"]
    if kind == "graph":
        stacking = {"mode": "normal" if panel.get("stacked") else "none", "group": "A"}
        drawn["custom"] = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "stacking": stacking}
    return drawn


def _as_table(made: dict[str, Any], panel: Mapping[str, Any]) -> dict[str, Any]:
    """A row for each value of a label, a column for each query; the label leads to the service."""
    renamed = {f"Value #{target['refId']}": target["legendFormat"] for target in made["targets"]}
    order = [panel["of"], *panel.get("by", []), *renamed]
    made["transformations"] = [
        {"id": "merge", "options": {}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {"Time": True},
                "indexByName": {name: index for index, name in enumerate(order)},
                "renameByName": {panel["of"]: "Service", **renamed},
            },
        },
    ]
    link = {"title": "Its dashboard", "url": "/d/service?var-upstream=${__value.text}&${__url_time_range}"}
    made["fieldConfig"]["overrides"] = [
        _override("Service", "links", [link]),
        *(_override(column, "unit", unit) for column, unit in panel["units"].items()),
    ]
    return made


def _override(column: str, name: str, value: object) -> dict[str, Any]:
    return {
        "matcher": {"id": "byName", "options": column},
        "properties": [{"id": name, "value": value}],
    }


if __name__ == "__main__":
    for name, text in generated().items():
        (FOLDER / "dashboards" / name).write_text(text)
        sys.stdout.write(f"observability/grafana/dashboards/{name}\n")
