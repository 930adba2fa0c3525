#!/usr/bin/env python3
"""Measures what signalling costs: idle connections, and calls with and without media. See --help."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import SessionPriority
from servers import BenchError, Parley, prepare_child

SCENARIOS = {
    # name: (program, arguments of parley-signals)
    "idle": ("src/app/parleyd", ["idle"]),
    "calls": ("parleyd-without-media", ["calls", "--pairs", "256"]),
    "calls-with-legs": ("src/app/parleyd", ["calls", "--pairs", "16"]),
    "ring-500": ("parleyd-without-media", ["calls", "--rate", "500", "--pairs", "200"]),
    "ring-with-legs": ("src/app/parleyd", ["calls", "--rate", "20", "--pairs", "32"]),
}


class ManyDevices(Parley):
    """parleyd whose limits on one address and one user leave room for the load."""

    cpu: int | None = None

    def command(self) -> list[str]:
        command = super().command()
        with open(self.folder / "parleyd.conf", "a") as config:
            config.write("""unproven-per-address = 1000000
unproven = 1000000
connections = 100000
messages-per-second = 100000
message-burst = 1000000
live-calls-per-user = 1000
""")
        text = (self.folder / "parleyd.conf").read_text()
        (self.folder / "parleyd.conf").write_text(
            text.replace("unproven-per-address = 1000\n", ""))
        return (["taskset", "-c", str(self.cpu)] if self.cpu is not None else []) + command


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench --signalling",
        description="Loads parleyd with devices that only signal, the server on one CPU and the "
        "load on another, a fresh server with its store on disk for each run, the scenarios in "
        "turns, and prints medians.",
    )
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), metavar="LIST",
                        help="separated by commas (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (%(default)s)")
    parser.add_argument("--duration", type=float, default=10, metavar="S",
                        help="measured seconds of a run; idle takes three times as long "
                        "(%(default)s)")
    parser.add_argument("--connections", type=int, default=10000, help="of idle (%(default)s)")
    parser.add_argument("--nice", type=int, default=-10,
                        help="priority of server and load, where permitted (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="DIR", required=True,
                        help="folder for results (scripts/bench: bench/results)")
    parser.add_argument("--build", type=Path, metavar="DIR", required=True,
                        help="build folder (scripts/bench: build-bench)")
    arguments = parser.parse_args()
    arguments.scenarios = arguments.scenarios.split(",")
    unknown = set(arguments.scenarios) - set(SCENARIOS)
    if unknown:
        parser.error(f"there is no scenario {', '.join(sorted(unknown))}; "
                     f"there are {', '.join(SCENARIOS)}")
    return arguments


def cpus() -> tuple[int | None, int | None]:
    """One for the server and one for the load, where there are two."""
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[1]) if len(allowed) > 1 else (None, None)


def run_once(arguments: argparse.Namespace, name: str) -> dict:
    program, load = SCENARIOS[name]
    server_cpu, load_cpu = cpus()
    duration = arguments.duration * (3 if name == "idle" else 1)
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        server = ManyDevices("parley", Path(folder), arguments.nice)
        server.program = arguments.build / program
        server.cpu = server_cpu
        with server:
            options = server.load_options()[2:]  # but for --driver
            command = [str(arguments.build / "subprojects/parley-load/parley-signals"), load[0],
                       *options, *load[1:], "--server-pid", str(server.process.pid),
                       "--duration", str(duration)]
            if name == "idle":
                command += ["--connections", str(arguments.connections), "--settle", "3"]
            if load_cpu is not None:
                command = ["taskset", "-c", str(load_cpu), *command]
            ran = subprocess.run(command, capture_output=True, text=True, check=False,
                                 timeout=duration + 120,
                                 preexec_fn=lambda: prepare_child(arguments.nice))
            if not ran.stdout:
                raise BenchError(f"parley-signals gave no result:\n{ran.stderr[-2000:]}\n"
                                 f"the server's last words:\n{server.log_tail()}")
            return json.loads(ran.stdout)


COLUMNS = [
    ("calls/s", lambda r: r.get("calls_per_second"), "{:.0f}"),
    ("server CPU %", lambda r: r.get("server_cpu_pct"), "{:.1f}"),
    ("µs CPU / call", lambda r: r.get("server_cpu_us_per_call"), "{:.0f}"),
    ("fan-out p50 ms", lambda r: r.get("fan_out_ms", {}).get("p50"), "{:.1f}"),
    ("fan-out p99 ms", lambda r: r.get("fan_out_ms", {}).get("p99"), "{:.1f}"),
    ("set-up p99 ms", lambda r: r.get("set_up_ms", {}).get("p99"), "{:.1f}"),
    ("KiB / connection", lambda r: r.get("kib_per_connection"), "{:.1f}"),
    ("load CPU %", lambda r: r.get("load_cpu_pct"), "{:.0f}"),
    ("others' CPU %", lambda r: r.get("other_cpu_pct"), "{:.0f}"),
]


def table(runs: dict[str, list[dict]]) -> str:
    lines = ["| scenario | " + " | ".join(name for name, _, _ in COLUMNS) + " | runs |",
             "|---|" + "--:|" * len(COLUMNS) + "---|"]
    for name, results in runs.items():
        good = [r for r in results if "problem" not in r]
        cells = []
        for _, value, form in COLUMNS:
            values = [value(r) for r in good if value(r) is not None]
            cells.append(form.format(statistics.median(values)) if values else "")
        problems = {r["problem"] for r in results if "problem" in r}
        note = f"{len(good)} of {len(results)} valid" + "".join(f"; {p}" for p in problems)
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {note} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    arguments = parse_arguments()
    runs: dict[str, list[dict]] = {name: [] for name in arguments.scenarios}
    try:
        with SessionPriority(arguments.nice):
            for number in range(1, arguments.rounds + 1):
                for name in arguments.scenarios[:: 1 if number % 2 else -1]:
                    result = run_once(arguments, name)
                    runs[name].append(result)
                    print(f"{name}, round {number}: "
                          f"{result.get('problem') or json.dumps(result)}", file=sys.stderr,
                          flush=True)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    text = table(runs)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "signalling.md").write_text(text)
    (arguments.output / "signalling.json").write_text(json.dumps(runs, indent=2) + "\n")
    print(text)
    return 0 if all("problem" not in r for results in runs.values() for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
