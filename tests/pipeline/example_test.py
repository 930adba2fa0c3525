#!/usr/bin/env python3
"""Runs the example of docs/pipelines.md as it is written there, and the check on our own pipelines.

Usage: example_test.py PARLEYD SOURCE_FOLDER
"""
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

PARLEYD = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
PAGE = (SOURCE / "docs/pipelines.md").read_text()


def check(folder):
    return subprocess.run([PARLEYD, "--check-pipelines", folder], capture_output=True, text=True)


def pixels(png):
    """The bytes of a PNG's lines, each behind its filter's number."""
    at, packed = 8, b""
    while at < len(png):
        size = struct.unpack(">I", png[at:at + 4])[0]
        if png[at + 4:at + 8] == b"IDAT":
            packed += png[at + 8:at + 8 + size]
        at += size + 12
    return zlib.decompress(packed)


class Pipelines(unittest.TestCase):
    def test_ours_are_good(self):
        done = check(SOURCE / "pipelines")
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        for file in (SOURCE / "pipelines").glob("*.pipeline"):
            self.assertIn(f"] {file.name}: ", done.stdout)

    def test_the_example_of_the_page_runs_as_written(self):
        blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        self.assertEqual(3, len(blocks))
        with tempfile.TemporaryDirectory() as folder:
            path = f"{PARLEYD.parent}:{os.environ['PATH']}"
            done = subprocess.run(["sh", "-e"], input="".join(blocks), capture_output=True, text=True,
                                  cwd=folder, env=os.environ | {"PATH": path})
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
            promised = re.search(r"ends with\n\n```\n(.*?)\n```", PAGE)[1]
            self.assertEqual(promised, done.stdout.splitlines()[-1])
            picture = (pathlib.Path(folder) / "watermark.png").read_bytes()
            # A text in it: black alone is zeros.
            self.assertGreater(len(pixels(picture).replace(b"\0", b"")), 500)

    def test_mistakes_have_file_and_line(self):
        text = (SOURCE / "pipelines/track-vp8.pipeline").read_text()
        with tempfile.TemporaryDirectory() as folder:
            wrong = pathlib.Path(folder) / "track-vp8.pipeline"
            wrong.write_text(text.replace("request-keyframe=", "request-keyframes="))
            line = 1 + text[:text.index("request-keyframe=")].count("\n")
            done = check(folder)
            self.assertEqual(1, done.returncode)
            self.assertIn(f'{wrong}:{line}: no property "request-keyframes" in element "rtpvp8depay',
                          done.stdout)
            self.assertIn("0 of 1 are good", done.stdout)

    def test_no_folder_is_no_success(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(66, check(folder).returncode)
            self.assertEqual(66, check(folder + "/none").returncode)


def main():
    result = unittest.main(exit=False, argv=[sys.argv[0]]).result
    failed = len(result.failures) + len(result.errors)
    print(f"Checks: {result.testsRun}, Failures: {len(result.failures)}, "
          f"Errors: {len(result.errors)}", flush=True)
    sys.exit(0 if failed == 0 else 1)


if __name__ == "__main__":
    main()
