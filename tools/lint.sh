#!/usr/bin/env bash
# All static checks of the repository. Every check runs even if an earlier one
# found something; the exit status is 1 if any did.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
export CGO_ENABLED=0 GOWORK=off

failed=()
check() { # check NAME COMMAND...
	local name=$1 start=$SECONDS
	shift
	printf -- '-- %s\n' "$name"
	if "$@"; then
		printf -- '-- %s: ok, %d s\n' "$name" "$((SECONDS - start))"
	else
		printf -- '-- %s: FAILED\n' "$name"
		failed+=("$name")
	fi
}

tracked() { git ls-files --cached --others --exclude-standard -- "$@" | while read -r f; do [[ -f $f ]] && printf '%s\n' "$f"; done; }

formatted() {
	local files
	files=$(tracked '*.go' | xargs gofmt -l) || return
	[[ -z $files ]] || { printf 'not formatted by gofmt:\n%s\n' "$files"; return 1; }
}

shell_syntax() {
	local f status=0
	for f in $(tracked '*.sh' '.ci/run'); do
		bash -n "$f" || status=1
	done
	return $status
}

# No more than 700 lines in a file that a person wrote.
file_length() {
	local f lines status=0
	for f in $(tracked '*.go' ':!proto' ':!third_party/alb-sdk/go'); do
		lines=$(wc -l <"$f")
		if ((lines > 700)); then
			printf '%s has %d lines, more than 700: split it by topic\n' "$f" "$lines"
			status=1
		fi
	done
	return $status
}

# Not test/clusterbin: vet would look at all of Kubernetes first, and building
# it, as the tests do, is check enough for its one file.
nested_vet() {
	go vet -C third_party/alb-sdk ./...
}

# The wire contract may grow but not break (buf's FILE rules): against
# BUF_AGAINST, else what origin/main has, else, on main itself, the commit before.
buf_breaking() {
	local against=${BUF_AGAINST:-}
	if [[ -z $against ]]; then
		if git rev-parse -q --verify origin/main >/dev/null && ! git diff --quiet origin/main -- proto; then
			against=origin/main
		else
			against=HEAD~1
		fi
	fi
	if ! git rev-parse -q --verify "$against:proto" >/dev/null; then
		echo "no earlier version of proto/ to compare with"
		return 0
	fi
	local old status=0
	old=$(mktemp -d)
	git archive "$against" -- buf.yaml proto | tar -x -C "$old"
	.tools/bin/buf breaking --against "$old" || status=1
	rm -rf "$old"
	return $status
}

# Each chart with each set of values in its ci/ folder, laid over its defaults.
helm_lint() {
	local chart values status=0
	for chart in charts/*/; do
		[[ -f ${chart}Chart.yaml ]] || continue
		for values in "${chart}"ci/*.yaml; do
			[[ -f $values ]] || { echo "$chart has no values in ci/ to be checked with"; status=1; continue; }
			.tools/bin/helm lint --strict --quiet --values "$values" "$chart" &&
				.tools/bin/helm template check "$chart" --values "$values" >/dev/null ||
				{ echo "$chart with $values"; status=1; }
		done
	done
	return $status
}

tools/install.sh golangci-lint buf helm
check gofmt formatted
check "shell syntax" shell_syntax
check "file length" file_length
check golangci-lint .tools/bin/golangci-lint run ./...
check "vet of the nested module" nested_vet
if [[ -f buf.yaml ]]; then
	check "buf lint" .tools/bin/buf lint
	check "buf format" .tools/bin/buf format --diff --exit-code
	check "buf breaking" buf_breaking
fi
if [[ -d charts ]]; then
	check "helm lint" helm_lint
fi

if ((${#failed[@]})); then
	printf 'lint: %d failed: %s\n' "${#failed[@]}" "${failed[*]}"
	exit 1
fi
echo "lint: all passed"
