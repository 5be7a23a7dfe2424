"""Runs the code cells of a notebook, in order and in one namespace, and prints what each gave.

Reads {"folder": str, "cells": [str, ...]} from standard input and writes {"version": str, "outputs": [[output, ...], ...]}
to standard output, outputs as nbformat 4.5 has them. Stops at the first cell that raises; its traceback is its last output.
Only the standard library is used, so that any Python 3.8 or newer will do.
"""

import contextlib
import io
import json
import os
import platform
import sys
import traceback


def run(cells):
    namespace = {"__name__": "__main__"}
    results = []
    for number, source in enumerate(cells, start=1):
        outputs = []
        text = io.StringIO()

        def flush():
            if text.getvalue():
                outputs.append({"output_type": "stream", "name": "stdout", "text": text.getvalue()})
                text.seek(0)
                text.truncate()

        def display(bundle, raw=False):
            flush()
            data = bundle if raw else {"text/plain": repr(bundle)}
            outputs.append({"output_type": "display_data", "data": data, "metadata": {}})

        namespace["display"] = display
        results.append(outputs)
        try:
            with contextlib.redirect_stdout(text):
                exec(compile(source, f"<cell {number}>", "exec"), namespace)
            flush()
        except Exception as error:
            flush()
            outputs.append(
                {
                    "output_type": "error",
                    "ename": type(error).__name__,
                    "evalue": str(error),
                    "traceback": traceback.format_exc().splitlines(),
                }
            )
            break
    return results


def main():
    task = json.load(sys.stdin)
    os.chdir(task["folder"])
    outputs = run(task["cells"])
    json.dump({"version": platform.python_version(), "outputs": outputs}, sys.stdout)


main()
