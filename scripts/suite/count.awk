# Reads a suite's TAP and prints "passed failed skipped". A suite that ends without its plan (1..N as the last line
# but comments) has crashed; one that ran nothing has failed: each counts as one failure.
/^(not )?ok .*# SKIP/ { skipped++; next }
/^ok / { passed++ }
/^not ok / { failed++ }
/^1\.\.[0-9]+$/ { planned = substr($0, 4); has_plan = 1 }
END {
  ran = passed + failed + skipped
  if (!has_plan || ran != planned || ran == 0) failed++
  print passed + 0, failed + 0, skipped + 0
}
