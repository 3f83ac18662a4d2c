# Prints C files as "FILE:LINE:code", without comments and with string and character literals emptied, so that what is
# looked for in code is not found in prose.
FNR == 1 { in_comment = 0 }
{
  rest = $0
  code = ""
  while (rest != "") {
    if (in_comment) {
      end = index(rest, "*/")
      if (!end) break
      rest = substr(rest, end + 2)
      in_comment = 0
      continue
    }
    if (!match(rest, /\/\*|\/\/|["']/)) {
      code = code rest
      break
    }
    code = code substr(rest, 1, RSTART - 1)
    mark = substr(rest, RSTART, RLENGTH)
    rest = substr(rest, RSTART + RLENGTH)
    if (mark == "//") break
    if (mark == "/*") {
      in_comment = 1
      code = code " "
      continue
    }
    code = code mark mark
    while (rest != "" && substr(rest, 1, 1) != mark) rest = substr(rest, substr(rest, 1, 1) == "\\" ? 3 : 2)
    rest = substr(rest, 2)
  }
  if (code ~ /[^ \t]/) print FILENAME ":" FNR ":" code
}
