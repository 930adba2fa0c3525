#!/usr/bin/env python3
"""Runs Parley and Janus under the same load, in turns, and prints medians. See --help."""

import argparse
import datetime
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report
from report import Scenario
from servers import BenchError, Janus, Parley, ParleyAtWork, Server, prepare_child

DEFAULT_SCENARIOS = "1x8,1x16,3x6,1x51x1"
SET_UP_S = 40
MAX_REPLACEMENTS = 2  # of one scenario by smaller ones
AUTOGROUP = Path("/proc/self/autogroup")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Compares Parley with Janus (event_loops = 2) under the same load on this "
        "machine, both in turns, a fresh server for each run. Prints the medians as a table and "
        "writes table and JSON below --output. A run with loss or overload is marked invalid; a "
        "scenario without a majority of valid runs is followed by a smaller one.",
    )
    parser.add_argument("--scenarios", default=DEFAULT_SCENARIOS, metavar="LIST",
                        help="ROOMSxPEERS[xPUBLISHERS], separated by commas (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each server (%(default)s)")
    parser.add_argument("--duration", type=float, default=20, metavar="S",
                        help="measured seconds of each run (%(default)s)")
    parser.add_argument("--quick", action="store_true",
                        help="one round of 5 s each: whether it works, not how well")
    parser.add_argument("--servers", default="parley,janus", help="parley, janus, parley-at-work: one that records the first call and sends it "
                        "on as HLS meanwhile; the ratio is the first's to the second's "
                        "(%(default)s)")
    parser.add_argument("--nice", type=int, default=-10,
                        help="priority of servers and load, where permitted (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="DIR", required=True,
                        help="folder for results (scripts/bench: bench/results)")
    parser.add_argument("--build", type=Path, metavar="DIR", required=True,
                        help="build folder, as scripts/bench makes it (scripts/bench: build-bench)")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.duration = 1, 5
    try:
        arguments.scenarios = [Scenario.parse(text) for text in arguments.scenarios.split(",")]
    except ValueError as error:
        parser.error(str(error))
    arguments.servers = arguments.servers.split(",")
    unknown = set(arguments.servers) - {"parley", "janus", "parley-at-work"}
    if unknown or arguments.rounds < 1 or arguments.duration < 1:
        parser.error("--servers are parley, janus and parley-at-work; --rounds and --duration are "
                     "at least 1")
    return arguments


class Bench:
    """All runs of one comparison."""

    def __init__(self, arguments: argparse.Namespace):
        self.arguments = arguments
        self.load = arguments.build / "subprojects/parley-load/parley-load"
        self.parleyd = arguments.build / "src/app/parleyd"
        self.shim = arguments.build / "loopback_shim.so"
        self.runs: list[dict] = []
        self.started = time.monotonic()

    def check(self) -> None:
        for program in [self.load] + ([self.parleyd] if self.arguments.servers != ["janus"] else []):
            if not os.access(program, os.X_OK):
                raise BenchError(f"{program} is not there; run scripts/bench, which builds it")
        compiled = subprocess.run(
            ["cc", "-O2", "-shared", "-fPIC", "-o", str(self.shim),
             str(Path(__file__).with_name("loopback_shim.c")), "-ldl"],
            check=False,
        )
        if compiled.returncode != 0:
            raise BenchError("cannot compile bench/loopback_shim.c; is a C compiler installed?")

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:5.0f} s] {text}", file=sys.stderr, flush=True)

    def make_server(self, name: str, folder: Path) -> Server:
        if name == "janus":
            janus = Janus("janus", folder, self.arguments.nice)
            janus.shim = self.shim
            return janus
        kind = ParleyAtWork if name == "parley-at-work" else Parley
        parley = kind(name, folder, self.arguments.nice)
        parley.program = self.parleyd
        return parley

    def run_once(self, name: str, scenario: Scenario) -> dict:
        """One run with a fresh server: the result of parley-load."""
        with tempfile.TemporaryDirectory(prefix=f"parley-bench-{name}-") as folder:
            with self.make_server(name, Path(folder)) as server:
                return self.put_load_on(server, scenario, Path(folder) / "result.json")

    def put_load_on(self, server: Server, scenario: Scenario, result: Path) -> dict:
        command = [
            str(self.load), *server.load_options(),
            "--rooms", str(scenario.rooms), "--peers", str(scenario.peers),
            "--publishers", str(scenario.publishers),
            "--duration", str(self.arguments.duration), "--settle", str(server.settle_s),
            "--setup-timeout", str(SET_UP_S), "--server-pid", str(server.process.pid),
            "--label", server.name, "--json", str(result),
        ]
        limit_s = (self.arguments.duration + server.settle_s + 2 * SET_UP_S
                   + 0.1 * scenario.participants)
        try:
            with server.beside_load():
                ran = subprocess.run(
                    command, capture_output=True, text=True, timeout=limit_s, check=False,
                    preexec_fn=lambda: prepare_child(self.arguments.nice),
                )
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"parley-load did not end within {limit_s:.0f} s") from error
        if not result.exists():
            raise BenchError(
                f"parley-load gave no result for {server.name}:\n{ran.stderr[-2000:]}\n"
                f"{server.name}'s last words:\n{server.log_tail()}"
            )
        return json.loads(result.read_text())

    def measure(self, name: str, scenario: Scenario, number: int) -> dict:
        result = self.run_once(name, scenario)
        invalid = report.why_invalid(result)
        run = {"scenario": str(scenario), "server": name, "round": number, "invalid": invalid,
               "result": result}
        self.runs.append(run)
        cost = result["server"]["us_per_forwarded_packet"]
        verdict = f"INVALID: {invalid}" if invalid else f"{cost:.1f} µs/packet"
        self.say(f"{scenario} {name}, round {number}: {verdict}, latency p99 "
                 f"{result['latency_us']['p99'] / 1000:.1f} ms, others "
                 f"{result['other_cpu_pct']:.0f} % CPU")
        return run

    def compare(self, scenario: Scenario) -> dict:
        """All rounds of a scenario, the servers in turns, each round in the other order."""
        runs: dict[str, list[dict]] = {name: [] for name in self.arguments.servers}
        for number in range(1, self.arguments.rounds + 1):
            order = self.arguments.servers[:: 1 if number % 2 else -1]
            for name in order:
                runs[name].append(self.measure(name, scenario, number))
        servers = {name: report.summarize(own) for name, own in runs.items()}
        return {"scenario": str(scenario), "servers": servers, "ratio": report.ratio_of(servers)}

    def all_scenarios(self) -> list[dict]:
        rows = []
        for wanted in self.arguments.scenarios:
            scenario: Scenario | None = wanted
            for _ in range(1 + MAX_REPLACEMENTS):
                rows.append(self.compare(scenario))
                if all(summary["valid"] for summary in rows[-1]["servers"].values()):
                    break
                scenario = scenario.smaller()
                if scenario is None:
                    break
                self.say(f"not valid; a smaller scenario in its place: {scenario}")
        return rows


class SessionPriority:
    """Raises the session's scheduling group while the bench runs.

    With autogroups (sched(7)) a nice value counts only within its session, so without this a busy
    other session would take half of the machine whatever our priority is.
    """

    def __init__(self, nice: int):
        self.nice = nice
        self.before: str | None = None

    def __enter__(self) -> None:
        try:
            before = AUTOGROUP.read_text().split()[-1]
            AUTOGROUP.write_text(str(self.nice))
            self.before = before
        except (OSError, IndexError):
            pass  # not permitted, or no autogroups: then it is as it is

    def __exit__(self, *_exception) -> None:
        if self.before is not None:
            AUTOGROUP.write_text(self.before)


def write_results(arguments: argparse.Namespace, rows: list[dict], runs: list[dict]) -> str:
    machine = report.machine()
    about = (
        f"{machine['cpus']} × {machine['cpu']}, {machine['memory_mib']} MiB, Linux "
        f"{machine['kernel']}, {machine['system']}; Janus {machine['janus']} (event_loops = 2), "
        f"GStreamer {machine['gstreamer']}, OpenSSL {machine['openssl']}. Medians of "
        f"{arguments.rounds} runs of {arguments.duration:.0f} s; loopback.\n"
    )
    text = about + "\n" + report.markdown(rows)
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    arguments.output.mkdir(parents=True, exist_ok=True)
    everything = {"machine": machine, "command": shlex.join(sys.argv), "rounds": arguments.rounds,
                  "duration_s": arguments.duration, "scenarios": rows, "runs": runs}
    (arguments.output / f"{stamp}.md").write_text(text)
    (arguments.output / f"{stamp}.json").write_text(json.dumps(everything, indent=2) + "\n")
    return text + f"\nWritten to {arguments.output / stamp}.md and .json\n"


def main() -> int:
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are ended too
    bench = Bench(arguments)
    try:
        bench.check()
        one_run_s = arguments.duration + Server.settle_s + 6
        count = len(arguments.scenarios) * len(arguments.servers) * arguments.rounds
        bench.say(f"{count} runs, about {count * one_run_s / 60:.0f} minutes")
        with SessionPriority(arguments.nice):
            rows = bench.all_scenarios()
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(write_results(arguments, rows, bench.runs))
    valid = all(any(s["valid"] for s in row["servers"].values()) for row in rows)
    return 0 if valid else 1


if __name__ == "__main__":
    sys.exit(main())
