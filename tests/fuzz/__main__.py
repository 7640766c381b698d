"""``python -m fuzz --minutes 10``: random calls; a failure is printed as a script."""

import argparse
import sys
import time

from fuzz import run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the first seed")
    parser.add_argument("--library", nargs="+", default=run.installed(), choices=run.LIBRARIES)
    given = parser.parse_args()
    print(f"python -m fuzz --seed {given.seed} --library {' '.join(given.library)}", flush=True)
    calls, failures = run.run(60 * given.minutes, given.seed, given.library)
    print(*failures, f"{calls} calls, {len(failures)} failures", sep="\n")
    sys.exit(bool(failures))


main()
