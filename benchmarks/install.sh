#!/bin/sh
# What `make bench-all` measures with and cannot get from pip: wrk and HAProxy by apt, Express's packages by npm.
# Whatever cannot be installed is named here and left out by the run; it is no failure.

cd "$(dirname "$0")" || exit 1

PATH=$PATH:/usr/local/sbin:/usr/sbin
missing=
for tool in wrk haproxy; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
if [ -z "$missing" ]; then
    :
elif [ "$(id -u)" -ne 0 ]; then
    echo "bench-all: only root may install them, so go without:$missing" >&2
elif ! { apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing >/dev/null; }; then
    echo "bench-all: apt-get failed, so go without:$missing" >&2
fi

if ! command -v npm >/dev/null; then
    echo "bench-all: no npm, so go without: Express" >&2
elif ! npm install --prefix peers/express --no-package-lock --no-audit --no-fund --silent; then
    echo "bench-all: npm failed, so go without: Express" >&2
fi
