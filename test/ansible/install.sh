#!/usr/bin/env bash
# Makes sure that ansible-playbook and the avi_* modules are there, with what
# they import: Debian's packages ansible and python3-requests. Installs them
# when it may (root, apt-get); otherwise says what to do and fails.
set -euo pipefail

packages=(ansible python3-requests)
# Debian's own Python: another one on the PATH doesn't see its packages.
python=/usr/bin/python3

complete() {
	[[ -x /usr/bin/ansible-playbook && -x $python ]] &&
		"$python" -c 'import requests, ansible_collections.community.network' 2>/dev/null
}

complete && exit 0

if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
	echo "ansible: this test runs Debian's Ansible modules for Avi; as root: apt-get install --no-install-recommends ${packages[*]}" >&2
	exit 1
fi

export DEBIAN_FRONTEND=noninteractive
# Waits for another apt-get of this machine; it says nothing unless it fails.
install() { apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${packages[@]}"; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
{ install || { apt-get update -qq && install; }; } >"$log" 2>&1 || {
	cat "$log" >&2
	echo "ansible: ${packages[*]} could not be installed" >&2
	exit 1
}
complete || {
	echo "ansible: ${packages[*]} are installed, but the modules can't be imported" >&2
	exit 1
}
