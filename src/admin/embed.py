#!/usr/bin/env python3
"""Makes a C++ source of a text file: embed.py FILE FUNCTION > SOURCE."""
import json
import sys

path, function = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    # Without the white space that is for people.
    text = json.dumps(json.load(file), separators=(",", ":"), ensure_ascii=True)
# Compilers take string literals of 64 KiB at least; one of 8 KiB is safe everywhere.
pieces = [text[at:at + 8192] for at in range(0, len(text), 8192)]
print('#include "admin/api.h"\n')
print(f"std::string_view {function}() {{\n  static const std::string text =")
for piece in pieces:
    print(f'      R"~~~({piece})~~~"')
print("      ;\n  return text;\n}")
