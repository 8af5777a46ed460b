"""Runs the program: finds it, passes its messages on, and ends it on request."""

import os
import queue
import re
import shutil
import signal
import subprocess
import threading

from processing.core.ProcessingConfig import ProcessingConfig
from qgis.core import QgsProcessingException

SETTING = "MINESEGSAT_PROGRAM"
# Time for the program to remove unfinished files after it was asked to end.
PATIENCE_S = 10
# A line of progress, such as `predicting: 12 of 40, about 20 s left`.
STEP = re.compile(r"^[^:]+: (\d+) of (\d+), ")


def find_program():
    """Path of the program: that of the settings, else the one on the PATH."""
    chosen = ProcessingConfig.getSetting(SETTING) or ""
    found = shutil.which(chosen or "minesegsat")
    if found:
        return found
    if chosen:
        raise QgsProcessingException(
            f"`{chosen}` is not a program. Change it in Settings > Options > Processing > Providers > MineSegSAT."
        )
    raise QgsProcessingException(
        "The program minesegsat is not on the PATH. Install it, or name it in "
        "Settings > Options > Processing > Providers > MineSegSAT."
    )


def run(arguments, feedback):
    """Runs the program. What it says goes to `feedback`. Raises an exception with its words if it fails.

    If the user cancels, the program is ended.
    """
    command = [find_program(), *arguments]
    feedback.pushCommandInfo(" ".join(command))
    # A window of its own would open on Windows.
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    # QGIS sets variables for its own libraries. They do not concern the program.
    environment = {name: value for name, value in os.environ.items() if name not in ("LD_LIBRARY_PATH", "PYTHONHOME")}
    # Otherwise the program says every ten seconds how far it is.
    environment["MINESEGSAT_PROGRESS_SECONDS"] = "1"
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        creationflags=flags,
        env=environment,
    ) as process:
        lines = queue.Queue()
        reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
        reader.start()
        said = []
        while True:
            if feedback.isCanceled():
                _end(process)
                raise QgsProcessingException("Cancelled. The program was ended.")
            try:
                line = lines.get(timeout=0.1)
            except queue.Empty:
                continue
            if line is None:
                break
            step = STEP.search(line)
            if step and int(step[2]) > 0:
                feedback.setProgress(100 * int(step[1]) / int(step[2]))
                feedback.setProgressText(line)
                continue
            said.append(line)
            feedback.pushInfo(line)
        code = process.wait()
    if code != 0:
        errors = [i for i, line in enumerate(said) if line.startswith("error")]
        words = "\n".join(said[errors[-1] :] if errors else said[-20:])
        raise QgsProcessingException(words or f"The program failed with exit code {code} and said nothing.")


def _read(stream, lines):
    for line in stream:
        if line.strip():
            lines.put(line.rstrip())
    lines.put(None)


def _end(process):
    # As with Ctrl-C: the program removes what it has not finished.
    if os.name == "nt":
        process.terminate()
    else:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
