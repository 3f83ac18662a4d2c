#!/usr/bin/env python3
"""Turns the dashboard's files into C.  embed_dashboard.py OUT.c [DASHBOARD.json]

DASHBOARD.json is what web/pack.mjs made; without it there is a dashboard of no files. OUT.c defines what
src/dashboard/asset.h declares, sorted by path.
"""
import base64
import json
import sys

from embed import c_string


def main() -> int:
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: embed_dashboard.py OUT.c [DASHBOARD.json]")
    files = []
    if len(sys.argv) == 3:
        with open(sys.argv[2], encoding="utf-8") as f:
            files = sorted(json.load(f), key=lambda file: file["path"].encode())
    with open(sys.argv[1], "w", encoding="ascii") as c:
        c.write('/* Made by scripts/embed_dashboard.py. */\n#include "dashboard/asset.h"\n\n')
        rows = ""
        for i, file in enumerate(files):
            body = base64.b64decode(file["body"])
            c.write(f"static const char body_{i}[] =\n{c_string(body)};\n\n")
            flags = ", ".join("true" if file[flag] else "false" for flag in ("is_immutable", "is_template"))
            etag = 'W/\\"' + file["etag"] + '\\"'  # weak: it is the same for the gzip and for the plain content
            rows += f'    {{STR("{file["path"]}"), STR("{file["type"]}"), STR("{etag}"), {{body_{i}, {len(body)}}}, {file["size"]}, {flags}}},\n'
        # C has no array of nothing: an element that is not counted.
        c.write(f"const struct asset assets[] = {{\n{rows}    {{.size = 0}},\n}};\nconst size_t assets_n = {len(files)};\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
