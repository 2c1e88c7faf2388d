#!/usr/bin/env bash
# Runs Go tests through gotestsum, with the race detector where it can be had.
#
#   tools/gotest.sh [-C DIR] [go test arguments and packages]
#
# RACE=0 turns the race detector off. It needs cgo and so a C compiler: without
# one, as root on a Debian-like machine, gcc is installed; elsewhere the tests
# run without the race detector, and a warning says so.
# JUNITFILE, if set, receives the results as JUnit XML.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=$root
if [[ ${1:-} == -C ]]; then
	dir=$2
	shift 2
fi

say() { printf 'gotest: %s\n' "$*" >&2; }

# compiler says whether there is a C compiler, after trying to install one.
compiler() {
	local cc
	read -r cc _ < <(go env CC) # without its arguments
	if ! command -v "$cc" >/dev/null && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
		say "no C compiler: installing gcc for the race detector"
		DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 &&
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev >&2 || true
	fi
	command -v "$cc" >/dev/null
}

gotestsum=$("$root/tools/install.sh" --print gotestsum)

args=(-timeout 30m)
export CGO_ENABLED=0 GOWORK=off
if [[ ${RACE:-1} != 0 ]]; then
	if compiler; then
		args+=(-race)
		export CGO_ENABLED=1
	else
		say "WARNING: no C compiler ($(go env CC)) and it can't be installed here: running WITHOUT the race detector."
		say "WARNING: install gcc and libc6-dev to run the tests as CI does."
	fi
fi

cd "$dir"
format=pkgname
if [[ -n ${CI:-} ]]; then
	format=pkgname-and-test-fails # no terminal to rewrite lines on
fi
exec "$gotestsum" --format "$format" ${JUNITFILE:+--junitfile "$JUNITFILE"} -- "${args[@]}" "$@"
