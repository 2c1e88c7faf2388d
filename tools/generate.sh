#!/usr/bin/env bash
# Writes all generated files anew: Go from proto/, the SDK's models, and whatever
# //go:generate lines of the product make (JSON Schema of the registrations).
#
#   tools/generate.sh            generate
#   tools/generate.sh --verify   generate in a copy of the tree, exit 1 and show
#                                the difference if the tree is not up to date
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
export CGO_ENABLED=0 GOWORK=off

"$root/tools/install.sh" buf protoc-gen-go protoc-gen-go-grpc

generate() ( # generate DIR
	cd "$1"
	export PATH=$root/.tools/bin:$PATH
	if [[ -f buf.gen.yaml ]]; then
		echo "generate: Go from proto/"
		# What no .proto makes any more must go.
		find proto -name '*.pb.go' -delete
		buf generate
	fi
	if [[ -d third_party/alb-sdk/gen ]]; then
		echo "generate: Avi models"
		go run -C third_party/alb-sdk ./gen
	fi
	if grep -rqs --include='*.go' '^//go:generate ' agent cmd hub pkg; then
		echo "generate: go generate"
		go generate ./agent/... ./cmd/... ./hub/... ./pkg/...
	fi
)

if [[ ${1:-} != --verify ]]; then
	generate "$root"
	exit
fi

# In a copy, so that a check never changes what someone is working on.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
files=$(git ls-files --cached --others --exclude-standard | while read -r f; do if [[ -f $f ]]; then printf '%s\n' "$f"; fi; done)
printf '%s\n' "$files" | tar -c -T - | tar -x -C "$copy"
git -C "$copy" init -q
tree() { git -C "$copy" add -A -f && git -C "$copy" write-tree; }
before=$(tree)
generate "$copy"
after=$(tree)
if [[ $before != "$after" ]]; then
	git -C "$copy" --no-pager diff --stat "$before" "$after"
	git -C "$copy" --no-pager diff "$before" "$after" | sed -n 1,60p
	echo "verify-generated: generated files are not up to date: run 'make generate' and commit the result" >&2
	exit 1
fi
echo "verify-generated: up to date"
