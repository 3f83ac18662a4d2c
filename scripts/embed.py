#!/usr/bin/env python3
"""Turns text files into C strings.  embed.py OUT.c SYMBOL FILE...

Writes OUT.c and, beside it, OUT.h, which declares

    struct embedded_file { const char *name, *text; size_t n; };   // name: without its folder
    extern const struct embedded_file SYMBOL[];                    // sorted by name
    extern const size_t SYMBOL_n;
    extern const char SYMBOL_stem[];                               // each text, by its file's name without the ending

The text is NUL-terminated; n does not count the NUL.
"""
import os
import re
import sys


def c_string(raw: bytes) -> str:
    lines = raw.splitlines(keepends=True) or [b""]
    out = []
    for line in lines:
        text = ""
        for byte in line:
            char = chr(byte)
            if char == "\n":
                text += "\\n"
            elif char in '"\\':
                text += "\\" + char
            elif char == "?" or not 32 <= byte < 127:  # '?': no trigraphs
                text += "\\%03o" % byte
            else:
                text += char
        out.append('    "%s"' % text)
    return "\n".join(out)


def symbol_of(symbol: str, path: str) -> str:
    return symbol + "_" + re.sub(r"\W", "_", os.path.splitext(os.path.basename(path))[0])


def main() -> int:
    if len(sys.argv) < 4:
        sys.exit("usage: embed.py OUT.c SYMBOL FILE...")
    out, symbol, files = sys.argv[1], sys.argv[2], sorted(sys.argv[3:], key=os.path.basename)
    header = os.path.splitext(out)[0] + ".h"
    with open(header, "w", encoding="ascii") as h:
        h.write(
            "/* Made by scripts/embed.py. */\n"
            f"#ifndef CONNEK_EMBEDDED_{symbol.upper()}_H\n#define CONNEK_EMBEDDED_{symbol.upper()}_H\n\n"
            "#include <stddef.h>\n\n"
            "#ifndef CONNEK_EMBEDDED_FILE\n#define CONNEK_EMBEDDED_FILE\n"
            "struct embedded_file {\n  const char *name, *text;\n  size_t n;\n};\n#endif\n\n"
            f"extern const struct embedded_file {symbol}[];\nextern const size_t {symbol}_n;\n"
            + "".join(f"extern const char {symbol_of(symbol, path)}[];\n" for path in files)
            + "\n#endif\n"
        )
    with open(out, "w", encoding="ascii") as c:
        c.write(f'/* Made by scripts/embed.py. */\n#include "{os.path.basename(header)}"\n\n')
        rows = ""
        for path in files:
            with open(path, "rb") as f:
                raw = f.read()
            if b"\0" in raw:
                sys.exit(f"embed.py: {path}: holds a NUL byte")
            text = symbol_of(symbol, path)
            c.write(f"const char {text}[] =\n{c_string(raw)};\n\n")
            rows += f'  {{"{os.path.basename(path)}", {text}, {len(raw)}}},\n'
        c.write(f"const struct embedded_file {symbol}[] = {{\n{rows}}};\nconst size_t {symbol}_n = {len(files)};\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
