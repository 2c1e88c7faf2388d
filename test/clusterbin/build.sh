#!/usr/bin/env bash
# Builds the control plane that the tests and the demo start, once per machine,
# and prints the path of the executable. Needs Go, bash and util-linux's flock.
#
#   build.sh          build if it is not there yet, print the path
#   build.sh --path   print where it is or would be; exit 1 if it isn't there
#
# The first build takes 5 to 11 minutes on two cores and about 3 GB of Go's
# build cache; after that the answer comes at once. The copy is kept in
#   ${CLUSTERBIN_CACHE:-~/.cache/clusterbin}/VERSION-HASH/
# where HASH covers everything that could change the result, so different
# checkouts share it and a changed go.mod never meets an old executable.
set -euo pipefail

version=v1.35.8

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here"

# Off, and the same everywhere in this repository: cgo on and cgo off have
# separate build caches for all that imports net, and filling one takes minutes.
export CGO_ENABLED=0 GOWORK=off

say() { printf 'clusterbin: %s\n' "$*" >&2; }

command -v go >/dev/null || { say "Go is missing: install it (see go.mod for the version)"; exit 1; }

# Without a stamp the server calls itself v0.0.0-master, which Helm's
# kubeVersion checks and client skew checks take at its word.
pkg=k8s.io/component-base/version
ldflags="-s -w -X $pkg.gitVersion=$version -X $pkg.gitMajor=1 -X $pkg.gitMinor=35 -X $pkg.gitTreeState=clean"

platform=$(go env GOVERSION GOOS GOARCH | tr '\n' ' ')
hash=$(printf '%s\n' "$platform" "$ldflags" | cat - go.mod go.sum main.go | sha256sum | cut -c1-16)
cache=${CLUSTERBIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/clusterbin}
dir=$cache/$version-$hash
bin=$dir/clusterbin

if [[ ${1:-} == --path ]]; then
	printf '%s\n' "$bin"
	[[ -x $bin ]]
	exit
fi
if [[ -x $bin ]]; then
	printf '%s\n' "$bin"
	exit
fi

mkdir -p "$cache"
exec 9>"$cache/lock"
if ! flock -n 9; then
	say "another process is building it; waiting"
	flock 9
fi
if [[ -x $bin ]]; then # built while we waited
	printf '%s\n' "$bin"
	exit
fi

tmp=$(mktemp -d "$cache/build.XXXXXX")
build=
trap 'if [[ -n $build ]]; then kill "$build" 2>/dev/null || true; fi; rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "building etcd, kube-apiserver, kube-controller-manager and kubectl $version (once per machine, 5 to 11 minutes)"
start=$SECONDS
say "fetching modules"
total=$(go list -deps . 2>"$tmp/list.log" | wc -l) || { cat "$tmp/list.log" >&2; say "the modules can't be resolved"; exit 1; }

# -v names each package as it is compiled: that is the progress bar.
go build -v -mod=readonly -buildvcs=false -ldflags "$ldflags" -o "$tmp/clusterbin" . 2>"$tmp/build.log" 9>&- &
build=$!
while kill -0 "$build" 2>/dev/null; do
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		sleep 1
		kill -0 "$build" 2>/dev/null || break
	done
	say "$(wc -l <"$tmp/build.log") packages compiled, $total in all (those in Go's cache are not compiled again), $((SECONDS - start)) s"
done
if ! wait "$build"; then
	grep -v '^[a-zA-Z0-9_.~/-]*$' "$tmp/build.log" | tail -n 40 >&2 || true
	say "the build failed after $((SECONDS - start)) s"
	exit 1
fi

for name in etcd kube-apiserver kube-controller-manager kubectl; do
	ln -s clusterbin "$tmp/$name"
done
build=
rm -f "$tmp"/*.log
# A rename is atomic, so nobody ever sees half an executable.
chmod 755 "$tmp"
rm -rf "$dir"
mv -T "$tmp" "$dir"
trap - EXIT
say "built in $((SECONDS - start)) s"
printf '%s\n' "$bin"
