# shellcheck shell=bash
# What `run` and `cluster-tools` install with; they source it. It changes the system that it runs on,
# so that is to be an image of Debian that is thrown away, with root in it.

# apt_install PACKAGE...
apt_install() {
    if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
        echo "missing: $*. This installs them on Debian as root; anywhere else, install them first" >&2
        exit 1
    fi
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# pip_install PACKAGE...
pip_install() {
    command -v pip >/dev/null || apt_install python3-pip
    # Some Pythons belong to the system, which then refuses without this word (PEP 668); it says nothing
    # to the others.
    PIP_BREAK_SYSTEM_PACKAGES=1 pip install --quiet --disable-pip-version-check \
        --root-user-action=ignore "$@"
}
