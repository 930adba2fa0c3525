#!/usr/bin/env python3
"""Runs a test program in one process under GStreamer's leaks tracer; what is left over is a failure.

leaks_test.py PROGRAM
"""
import os
import subprocess
import sys


def main():
    environment = dict(os.environ, CK_FORK="no", GST_TRACERS="leaks", GST_DEBUG="GST_TRACER:7",
                       GST_DEBUG_NO_COLOR="1")
    done = subprocess.run([sys.argv[1]], env=environment, capture_output=True, text=True,
                          timeout=100)
    left = [line for line in done.stderr.splitlines() if "object-alive, " in line and "format" not in line]
    # It announces its form of telling; without it the test would see no leak at all.
    watched = "object-alive.class" in done.stderr
    bad = done.returncode != 0 or left or not watched
    if bad:
        print(done.stdout, done.stderr[-4000:], *left, sep="\n")
        print("the program failed" if done.returncode else f"{len(left)} objects are left over"
              if left else "the tracer said nothing")
    print(f"Checks: 1, Failures: {int(bool(bad))}, Errors: 0", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
