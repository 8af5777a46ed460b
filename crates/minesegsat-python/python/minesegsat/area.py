"""Large areas: Dask maps the units of a project of `minesegsat area plan`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ._folder import PathLike
from .errors import MinesegsatError

if TYPE_CHECKING:
    from distributed import Client

# Exit code of `area run` if a unit failed for a reason that may pass.
_MAY_PASS = 75
# Exit code if a unit would fail again.
_STAYS = 65
# Seconds before a unit that another worker maps is looked at again.
_WAIT = 5.0


class UnitError(MinesegsatError):
    """Units of a large area were not mapped."""


def units(project: PathLike) -> list[dict[str, Any]]:
    """The units of a project in the order of its plan, each with `id` and `record`: state, tries, seconds, error."""
    return json.loads(_area("status", project, "--json").stdout)["units"]


def run_unit(project: PathLike, index: int, arguments: Sequence[str] = ()) -> dict[str, Any]:
    """Maps one unit in a process of its own. Returns what `area run --json` reports.

    A unit that another worker maps now is waited for. A unit that is mapped stays as it is.

    :param index: place of the unit in the plan, from 0
    :param arguments: further arguments of `area run`, such as `["--jobs", "2"]`
    :raises UnitError: the unit failed for a reason that may pass
    """
    while True:
        done = _area("run", project, "--index", str(index), "--json", *arguments, accepted=(0, _STAYS, _MAY_PASS))
        report = json.loads(done.stdout) if done.stdout else {"failed": [[str(index), done.stderr.strip()]]}
        if done.returncode != _MAY_PASS:
            return report
        if not report.get("with_others"):
            raise UnitError("; ".join(f"unit {unit}: {reason}" for unit, reason in report["failed"]))
        time.sleep(_WAIT)


def run_dask(
    client: Client, project: PathLike, *, retries: int = 3, arguments: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Maps all units of a project on the workers of a Dask cluster. Returns `units` at the end.

    All workers need this package and the project: its folder at the same path, or its address in an object store, such as
    `s3://bucket/folder`, with keys in the environment. Dask maps the units of a worker that is lost on another one. Call it again
    to continue.

    :param retries: further tries of a unit whose failure may pass
    :param arguments: further arguments of `area run`
    :raises UnitError: units failed; all others are mapped
    """
    place = os.fspath(project)
    # Workers may have another working directory. An address is whole.
    folder = place if "://" in place else os.path.abspath(place)
    count = len(units(folder))
    indices = list(range(count))
    tasks = client.map(run_unit, [folder] * count, indices, [list(arguments)] * count, retries=retries, pure=False)
    try:
        client.gather(tasks, errors="skip")
    except BaseException:
        client.cancel(tasks)
        raise
    found = units(folder)
    failures = [task.exception() for task in tasks if task.status == "error"]
    missing = [unit for unit in found if unit["record"]["state"] != "done"]
    if missing:
        reasons = [f"{unit['id']}: {unit['record'].get('error') or unit['record']['state']}" for unit in missing[:5]]
        reasons += [str(failure) for failure in failures[:1]]
        hint = f"`minesegsat area status {folder}` lists all; `minesegsat area retry {folder}` lets broken units be mapped again"
        raise UnitError(f"{len(missing)} of {count} units are not mapped: {'; '.join(reasons)}", hint)
    return found


def _area(command: str, project: PathLike, *arguments: str, accepted: Sequence[int] = (0,)) -> subprocess.CompletedProcess[str]:
    """Runs `minesegsat area`."""
    line = [sys.executable, "-m", "minesegsat", "area", command, os.fspath(project), *arguments]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode not in accepted:
        raise UnitError(done.stderr.strip() or f"`minesegsat area {command}` ended with {done.returncode}")
    return done
