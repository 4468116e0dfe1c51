"""How long from `fiberledger run` to the first page: on an empty folder, then again, then after kill -9 of everything."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

NAME = "start"
NEEDS = "nothing"
LIMIT = 600


def run(size):
    folder = tempfile.mkdtemp(prefix="fl-start-")
    try:
        for kind in ("first", "second", "after-kill"):
            began = time.monotonic()
            process = start(folder, port := free_port())
            wait_for_page(process, port, began)
            seconds = time.monotonic() - began
            stopped = time.monotonic()
            process.send_signal(signal.SIGKILL if kind == "second" else signal.SIGTERM)
            process.wait(30)
            stop_seconds = None if kind == "second" else round(time.monotonic() - stopped, 2)
            yield {"size": 1, "kind": kind, "seconds": round(seconds, 2), "stop_seconds": stop_seconds}
    finally:
        subprocess.run(command("db", "stop"), env=environment(folder), stderr=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)


def command(*arguments):
    return [sys.executable, "-m", "fiberledger", *arguments]


def environment(folder, **more):
    return {**os.environ, "DATA_DIR": folder, "DATABASE_URL": "", **more}


def start(folder, port):
    with open(os.path.join(folder, "run.log"), "a") as log:
        return subprocess.Popen(command("run"), env=environment(folder, PORT=str(port)), stdout=log, stderr=log)


def wait_for_page(process, port, began):
    while time.monotonic() - began < LIMIT:
        if process.poll() is not None:
            raise RuntimeError(f"fiberledger run ended with {process.returncode}")
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            asked.request("GET", "/")
            if asked.getresponse().status < 500:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            asked.close()
    raise TimeoutError(f"no page after {LIMIT} s")


def free_port():
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]
