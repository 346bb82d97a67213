#!/bin/sh
# Build the Dockerfile without an engine and without a registry: by buildah, in a chroot, as root.
#
#     sh deploy/image/build.sh azora-gateway:local
#
# The base that the Dockerfile names cannot be had without a registry. What stands in for it, under its name, is made
# once by debootstrap: the same Debian with its own Python, and the headers that the real one has, too. The build is
# lent the certificates that the machine trusts.
set -eu

image=${1:-azora-gateway:local}
cd "$(dirname "$0")/../.."
python=$(sed -n 's/^ARG PYTHON=//p' Dockerfile)
debian=$(sed -n 's/^ARG DEBIAN=//p' Dockerfile)
base=localhost/python:$python-slim-$debian
packages=ca-certificates,python3,python3-dev,python3-pip,python3-venv

if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
    debootstrap --variant=minbase --include="$packages" "$debian" "$root" >&2
    ln -s "python$python" "$root/usr/bin/python"
    chroot "$root" python -c ''
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
    scratch=$(buildah from scratch)
    buildah add --quiet "$scratch" "$root" / >/dev/null
    buildah commit --quiet --rm "$scratch" "$base" >/dev/null
fi

buildah build --isolation chroot --pull-never --volume /etc/ssl/certs:/etc/ssl/certs:ro --tag "$image" . >&2
