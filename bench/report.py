"""From single runs to medians, a Markdown table and JSON."""

import os
import platform
import re
import shutil
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path

MAX_LOST_PCT = 0.1
MAX_P95_MS = 100  # beyond this packets queue: the server, or the machine, is overloaded
MAX_OTHER_PCT = 50  # of one CPU; above this the figures are said to be disturbed


@dataclass(frozen=True)
class Scenario:
    """`rooms` calls of `peers` participants of which `publishers` send."""

    rooms: int
    peers: int
    publishers: int

    @staticmethod
    def parse(text: str) -> "Scenario":
        """From ROOMSxPEERS or ROOMSxPEERSxPUBLISHERS, as in 1x8 or 1x51x1."""
        if not re.fullmatch(r"[1-9]\d*x[1-9]\d*(x[1-9]\d*)?", text):
            raise ValueError(f"{text}: expected ROOMSxPEERS[xPUBLISHERS], as in 1x8 or 1x51x1")
        numbers = [int(part) for part in text.split("x")]
        publishers = numbers[2] if len(numbers) == 3 else numbers[1]
        if publishers > numbers[1]:
            raise ValueError(f"{text}: more publishers than participants")
        return Scenario(numbers[0], numbers[1], publishers)

    def __str__(self) -> str:
        if self.publishers == self.peers:
            return f"{self.rooms}×{self.peers}"
        rooms = f"{self.rooms}×" if self.rooms > 1 else ""
        return f"{rooms}{self.publishers}→{self.peers - self.publishers}"

    @property
    def participants(self) -> int:
        return self.rooms * self.peers

    def smaller(self) -> "Scenario | None":
        """A quarter fewer participants; None when there is nothing worth measuring left."""
        peers = self.peers * 3 // 4
        if peers < 3:
            return None
        publishers = peers if self.publishers == self.peers else min(self.publishers, peers - 1)
        return Scenario(self.rooms, peers, publishers)


def why_invalid(result: dict) -> str | None:
    """What makes the CPU figures of a run worthless, or None."""
    if result["failed_peers"] or result["streams_arrived"] < result["streams_expected"]:
        arrived = f"{result['streams_arrived']} of {result['streams_expected']} streams arrived"
        return f"{arrived}; {result['errors']}".rstrip("; ")
    if result["lost_pct"] > MAX_LOST_PCT:
        return f"{result['lost_pct']:.2f} % lost"
    if result["latency_us"]["p95"] > MAX_P95_MS * 1000:
        return f"overloaded: latency p95 {result['latency_us']['p95'] / 1000:.0f} ms"
    if not result["ok"]:
        return "not all streams were complete"
    return None


def median(results: list[dict], *path: str) -> float:
    values = []
    for result in results:
        value = result
        for key in path:
            value = value[key]
        values.append(value)
    return statistics.median(values)


def summarize(runs: list[dict]) -> dict:
    """Medians of the valid ones of one server's runs of one scenario."""
    reasons = [run["invalid"] for run in runs if run["invalid"]]
    results = [run["result"] for run in runs if not run["invalid"]]
    summary = {"runs": len(runs), "valid": len(results) * 2 > len(runs), "invalid_runs": reasons}
    if not results:
        return summary
    summary.update(
        us_per_packet=median(results, "server", "us_per_forwarded_packet"),
        latency_p50_ms=median(results, "latency_us", "p50") / 1000,
        latency_p99_ms=median(results, "latency_us", "p99") / 1000,
        lost_pct=median(results, "lost_pct"),
        rss_kib_per_participant=median(results, "server", "rss_kib_per_peer"),
        threads_per_participant=median(results, "server", "threads_per_peer"),
        cpu_pct=median(results, "server", "cpu_pct"),
        first_media_ms=median(results, "join_to_first_media_ms", "p50"),
        packets_per_second=median(results, "pps"),
        other_cpu_pct=max(result["other_cpu_pct"] for result in results),
    )
    return summary


HEADER = (
    "| scenario | server | µs CPU / packet | ratio | latency p50 / p99 ms | lost % "
    "| RSS KiB / participant | threads / participant | packets/s | others' CPU % | runs |\n"
    "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|\n"
)


def table_row(scenario: str, server: str, summary: dict, ratio: float | None) -> str:
    valid = summary["runs"] - len(summary["invalid_runs"])
    runs = f"{valid} of {summary['runs']} valid"
    if summary["invalid_runs"]:
        runs += ": " + "; ".join(sorted(set(summary["invalid_runs"])))
    mark = "" if summary["valid"] else " **invalid**"
    if "us_per_packet" not in summary:
        return f"| {scenario} | {server}{mark} |" + " – |" * 8 + f" {runs} |\n"
    shown_ratio = f"**{ratio:.2f}**" if ratio is not None else ""
    return (
        f"| {scenario} | {server}{mark} | {summary['us_per_packet']:.1f} | {shown_ratio} "
        f"| {summary['latency_p50_ms']:.2f} / {summary['latency_p99_ms']:.1f} "
        f"| {summary['lost_pct']:.3f} | {summary['rss_kib_per_participant']:.0f} "
        f"| {summary['threads_per_participant']:.1f} | {summary['packets_per_second']:.0f} "
        f"| {summary['other_cpu_pct']:.0f} | {runs} |\n"
    )


def markdown(rows: list[dict]) -> str:
    text = HEADER
    for row in rows:
        for server, summary in row["servers"].items():
            ratio = row["ratio"] if server == next(iter(row["servers"])) else None
            text += table_row(row["scenario"], server, summary, ratio)
    busiest = max(
        (summary.get("other_cpu_pct", 0) for row in rows for summary in row["servers"].values()),
        default=0,
    )
    if busiest > MAX_OTHER_PCT:
        text += (
            f"\n**Disturbed**: other processes took up to {busiest:.0f} % of one CPU meanwhile. The "
            "ratio is still of two servers measured in turns; for absolute figures and latency "
            "repeat it on a quiet machine.\n"
        )
    return text


def ratio_of(servers: dict[str, dict]) -> float | None:
    """The first server's cost by the second's; None unless there are two and both are valid."""
    if len(servers) != 2 or not all(summary["valid"] for summary in servers.values()):
        return None
    first, second = (summary["us_per_packet"] for summary in servers.values())
    return first / second


def first_match(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else "unknown"


def package_version(name: str) -> str:
    if shutil.which("dpkg-query") is None:
        return "unknown"
    query = subprocess.run(
        ["dpkg-query", "-W", "-f=${Version}", name], capture_output=True, text=True, check=False
    )
    return query.stdout or "not installed"


def machine() -> dict:
    return {
        "cpu": first_match(r"^model name\s*:(.*)$", Path("/proc/cpuinfo").read_text()),
        "cpus": os.cpu_count(),
        "memory_mib": int(first_match(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text()))
        // 1024,
        "kernel": platform.release(),
        "system": first_match(r'^PRETTY_NAME="(.*)"', Path("/etc/os-release").read_text()),
        "janus": package_version("janus"),
        "gstreamer": package_version("gstreamer1.0-plugins-bad"),
        "openssl": package_version("libssl3"),
    }
