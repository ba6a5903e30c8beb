"""Write the Grafana dashboards beside this file: `python k8s/dashboards/generate.py`.

A panel here is a title, a unit, and PromQL with a legend; the rest is the same for all of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
_JOB = 'mintage_job=~"$job"'
_WIDTH, _HEIGHT, _COLUMNS = 12, 8, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One graph; `queries` are PromQL by legend. `text` is what a person reads at its corner."""

    title: str
    unit: str
    queries: dict[str, str]
    text: str = ""
    kind: str = "timeseries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """One page; `job` is the metric whose jobs one can choose from, empty for a page without jobs."""

    uid: str
    title: str
    panels: tuple[Panel, ...]
    job: str = "ray_mintage_run_active"


def _by(what: str, expression: str) -> str:
    return f"sum by ({what}) ({expression})"


def _rate(name: str, more: str = "") -> str:
    return f"rate({name}{{{_JOB}{more}}}[$__rate_interval])"


def _quantile(share: float, name: str, what: str) -> str:
    return f"histogram_quantile({share}, sum by (le, {what}) ({_rate(name + '_bucket')}))"


_ACCEPTED, _REJECTED = "ray_mintage_rows_accepted_total", "ray_mintage_rows_rejected_total"
_SHARD, _STAGE = "ray_mintage_shard_duration_seconds", "ray_mintage_stage_duration_seconds"
_CPU, _GPU = "ray_mintage_cpu_time_seconds_total", "ray_mintage_gpu_time_seconds_total"
_SHARE = (
    f"{_by('mintage_job', _rate(_REJECTED))} / "
    f"({_by('mintage_job', _rate(_REJECTED))} + {_by('mintage_job', _rate(_ACCEPTED))})"
)

JOBS = Dashboard(
    uid="mintage-jobs", title="Mintage: jobs",
    panels=(
        Panel(title="Phase", unit="none", kind="state-timeline",
            queries={"{{mintage_job}} {{mintage_phase}}":
                f"max by (mintage_job, mintage_phase) (ray_mintage_run_active{{{_JOB}}}) == 1"},
            text="Which phase a run is in; nothing while no driver is connected to the cluster."),
        Panel(title="Shards done", unit="percentunit",
            queries={"{{mintage_job}}":
                f'sum by (mintage_job) (ray_mintage_queue_depth{{{_JOB},mintage_state="done"}}) / '
                f"sum by (mintage_job) (ray_mintage_queue_depth{{{_JOB}}})"}),
        Panel(title="Accepted rows per second", unit="short",
            queries={"{{mintage_job}} {{mintage_table}}":
                    _by("mintage_job, mintage_table", _rate(_ACCEPTED)),
                "{{mintage_job}} mean of the session":
                    f"sum by (mintage_job) (ray_mintage_rows_rate{{{_JOB}}})"}),
        Panel(title="Shards waiting and in flight", unit="short",
            queries={"{{mintage_job}} {{mintage_state}}": _by("mintage_job, mintage_state",
                f'ray_mintage_queue_depth{{{_JOB},mintage_state!="done"}}')}),
        Panel(title="Seconds of a shard", unit="s",
            queries={f"{{{{mintage_job}}}} p{int(share * 100)}": _quantile(share, _SHARD, "mintage_job")
                for share in (0.5, 0.95)}),
        Panel(title="Share of a worker's time by step", unit="s",
            queries={"{{mintage_stage}}": _by("mintage_stage", _rate(f"{_STAGE}_sum"))},
            text="Seconds per second, over all workers. Ray rounds each to its bucket: read them as shares."),
        Panel(title="Bytes per second", unit="Bps",
            queries={"{{mintage_job}}": _by("mintage_job", _rate("ray_mintage_parts_written_bytes_total"))}),
        Panel(title="Steps of the fit", unit="short",
            queries={"{{mintage_job}} taken": f"max by (mintage_job) (ray_mintage_fit_step{{{_JOB}}})",
                "{{mintage_job}} at most": f"max by (mintage_job) (ray_mintage_fit_steps{{{_JOB}}})"}),
    ),
)  # fmt: skip
WORKERS = Dashboard(
    uid="mintage-workers", title="Mintage: workers and cluster",
    panels=(
        Panel(title="Workers", unit="short",
            queries={"{{mintage_job}} {{mintage_state}}":
                _by("mintage_job, mintage_state", f"ray_mintage_workers{{{_JOB}}}")},
            text="Wanted, started, and asked for but not started."),
        Panel(title="Workers lost and shards retried, per hour", unit="short",
            queries={"{{mintage_job}} lost workers":
                    f"sum by (mintage_job) (increase(ray_mintage_workers_lost_total{{{_JOB}}}[1h]))",
                "{{mintage_job}} {{mintage_cause}}":
                    "sum by (mintage_job, mintage_cause) "
                    f"(increase(ray_mintage_shards_retried_total{{{_JOB}}}[1h]))"}),
        Panel(title="Processors in use, by node", unit="percent",
            queries={"{{ip}}": "avg by (ip) (ray_node_cpu_utilization)"}),
        Panel(title="Memory in use, by node", unit="percentunit",
            queries={"{{ip}}": "sum by (ip) (ray_node_mem_used) / sum by (ip) (ray_node_mem_total)"}),
        Panel(title="GPUs in use, by node", unit="percent",
            queries={"{{ip}}": "avg by (ip) (ray_node_gpus_utilization)"},
            text="Empty where there is no GPU."),
        Panel(title="GPU memory of workers", unit="bytes",
            queries={"{{mintage_job}}": f"max by (mintage_job) (ray_mintage_gpu_memory_bytes{{{_JOB}}})"}),
        Panel(title="Logical processors of the cluster", unit="short",
            queries={"{{State}}": 'sum by (State) (ray_resources{Name="CPU"})'}),
        Panel(title="Nodes", unit="short",
            queries={"nodes": "count(count by (ip) (ray_node_mem_total))"}),
    ),
)  # fmt: skip
QUALITY = Dashboard(
    uid="mintage-quality", title="Mintage: quality and rejects",
    panels=(
        Panel(title="Rejected share", unit="percentunit", queries={"{{mintage_job}}": _SHARE}),
        Panel(title="Rejected rows per second, by reason", unit="short",
            queries={"{{mintage_table}} {{mintage_reason}}":
                _by("mintage_table, mintage_reason", _rate(_REJECTED))}),
        Panel(title="Ten commonest reasons in the last hour", unit="short", kind="bargauge",
            queries={"{{mintage_job}} {{mintage_table}} {{mintage_reason}}":
                "topk(10, sum by (mintage_job, mintage_table, mintage_reason) "
                f"(increase({_REJECTED}{{{_JOB}}}[1h])))"}),
        Panel(title="Accepted and rejected rows in the last hour", unit="short",
            queries={"{{mintage_job}} accepted":
                    f"sum by (mintage_job) (increase({_ACCEPTED}{{{_JOB}}}[1h]))",
                "{{mintage_job}} rejected": f"sum by (mintage_job) (increase({_REJECTED}{{{_JOB}}}[1h]))"}),
        Panel(title="Seconds of validation, by batch", unit="s",
            queries={f"p{int(share * 100)}": f"histogram_quantile({share}, sum by (le) ("
                + _rate(f"{_STAGE}_bucket", ',mintage_stage="validate"') + "))" for share in (0.5, 0.95)}),
        Panel(title="Runs that ended", unit="short",
            queries={"{{mintage_job}} {{mintage_outcome}}":
                f"sum by (mintage_job, mintage_outcome) (ray_mintage_runs_finished_total{{{_JOB}}})"},
            text="Only of drivers that are still connected to the cluster."),
    ),
)  # fmt: skip
SERVING = Dashboard(
    uid="mintage-serving", title="Mintage: serving", job="",
    panels=(
        Panel(title="Requests per second, by answer", unit="reqps",
            queries={"{{route}} {{status}}":
                "sum by (route, status) (rate(ray_mintage_serve_requests_total[$__rate_interval]))"}),
        Panel(title="Share of requests that failed", unit="percentunit",
            queries={"{{route}}":
                'sum by (route) (rate(ray_mintage_serve_requests_total{status=~"5.."}[$__rate_interval])) / '
                "sum by (route) (rate(ray_mintage_serve_requests_total[$__rate_interval]))"}),
        Panel(title="Seconds of a request", unit="s",
            queries={f"{{{{route}}}} p{int(share * 100)}": f"histogram_quantile({share}, sum by (le, route) "
                "(rate(ray_mintage_serve_seconds_bucket[$__rate_interval])))" for share in (0.5, 0.99)}),
        Panel(title="Rows per second, by model", unit="short",
            queries={"{{model}}": "sum by (model) (rate(ray_mintage_serve_rows_total[$__rate_interval]))"}),
    ),
)  # fmt: skip
COST = Dashboard(
    uid="mintage-cost", title="Mintage: cost",
    panels=(
        Panel(title="Money so far, by run", unit="short",
            queries={"{{mintage_job}} {{mintage_currency}}":
                f"sum by (mintage_job, mintage_currency) (ray_mintage_cost{{{_JOB}}})"},
            text="By the prices in the settings; nothing where there are none."),
        Panel(title="CPU seconds per second", unit="short",
            queries={"{{mintage_job}}": _by("mintage_job", _rate(_CPU))}),
        Panel(title="GPU seconds per second", unit="short",
            queries={"{{mintage_job}}": _by("mintage_job", _rate(_GPU))}),
        Panel(title="CPU seconds per thousand rows", unit="s",
            queries={"{{mintage_job}}": f"1000 * {_by('mintage_job', _rate(_CPU))} / "
                f"{_by('mintage_job', _rate(_ACCEPTED))}"}),
        Panel(title="CPU hours in the last day", unit="h",
            queries={"{{mintage_job}}": f"sum by (mintage_job) (increase({_CPU}{{{_JOB}}}[1d])) / 3600"}),
        Panel(title="GPU hours in the last day", unit="h",
            queries={"{{mintage_job}}": f"sum by (mintage_job) (increase({_GPU}{{{_JOB}}}[1d])) / 3600"}),
    ),
)  # fmt: skip
DASHBOARDS = (JOBS, WORKERS, QUALITY, SERVING, COST)


def grafana(dashboard: Dashboard) -> dict[str, object]:
    """The dashboard as Grafana imports it; works with any Prometheus that is chosen on the page."""
    variables: list[dict[str, object]] = [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    ]
    if dashboard.job:
        variables.append(
            {
                "name": "job", "label": "Job", "type": "query", "datasource": {"uid": "$datasource"},
                "query": f"label_values({dashboard.job}, mintage_job)",
                "refresh": 2, "multi": True, "includeAll": True, "allValue": ".*",
                "current": {"text": "All", "value": "$__all"},
            }
        )  # fmt: skip
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["mintage"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": variables},
        "panels": [_panel(panel, number) for number, panel in enumerate(dashboard.panels)],
    }


def _panel(panel: Panel, number: int) -> dict[str, object]:
    row, column = divmod(number, _COLUMNS)
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": {"type": "prometheus", "uid": "$datasource"},
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + place), "expr": expression, "legendFormat": legend,
                "instant": panel.kind == "bargauge",
            }
            for place, (legend, expression) in enumerate(panel.queries.items())
        ],
    }  # fmt: skip


def files() -> dict[str, str]:
    """The dashboards as they are checked in, by file name."""
    return {
        f"{dashboard.uid}.json": json.dumps(grafana(dashboard), indent=2) + "\n" for dashboard in DASHBOARDS
    }


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
