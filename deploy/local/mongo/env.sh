# shellcheck shell=bash disable=SC2034
# What the scripts beside this file share; they source it.
#
# MONGO_STORE is which stand-in for MongoDB runs:
#   memory     mongo-java-server (a JDK, Maven): fast; its data are gone when it stops
#   ferretdb   FerretDB on SQLite (Go): slow; it keeps what it acknowledged, and can speak TLS
# MONGO_PORT (27017; FERRETDB_PORT, 27018, for ferretdb if that is set) is the port; MONGO_DATA the
# folder (.data/mongo or .data/ferretdb beside this one); MONGO_HEAP (1g) the memory of Java;
# MONGO_LIBS a folder with the jars, FERRETDB a program, if not those that are fetched and built here.
# MONGO_TLS_PORT, for ferretdb, is a second port that speaks TLS, with an authority of its own in
# tls/ca.pem of the data folder; its certificate is for localhost.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
local_dir=$(dirname "$here")

store=${MONGO_STORE:-memory}
case $store in
    memory)
        port=${MONGO_PORT:-27017}
        data=${MONGO_DATA:-$local_dir/.data/mongo}
        ;;
    ferretdb)
        port=${MONGO_PORT:-${FERRETDB_PORT:-27018}}
        data=${MONGO_DATA:-$local_dir/.data/ferretdb}
        ;;
    *)
        echo "mongo: MONGO_STORE is $store, which is neither memory nor ferretdb" >&2
        exit 1
        ;;
esac
tls_port=${MONGO_TLS_PORT:-}
heap=${MONGO_HEAP:-1g}
pid_file=$data/pid
log_file=$data/server.log

fail() {
    echo "mongo: $*" >&2
    exit 1
}

need() {
    command -v "$1" >/dev/null || fail "$1 is missing: $2, such as
  Debian, Ubuntu   apt-get install $3
  Fedora           dnf install $4
  macOS            brew install $5"
}

need_store() {
    case $store in
        memory)
            # Java compiles the server's source as it starts, so a runtime alone is not enough.
            need javac "a JDK, 17 or newer" openjdk-17-jdk-headless java-21-openjdk-devel openjdk
            ;;
        ferretdb)
            [ -n "${FERRETDB:-}" ] || need go "Go 1.24 or newer" golang golang go
            ;;
    esac
}

# The jars: fetched when they are not there, or when pom.xml has changed since. Fetched aside and
# renamed, so that a fetch cut short leaves nothing that looks whole.
libs() {
    [ -z "${MONGO_LIBS:-}" ] || { echo "$MONGO_LIBS"; return; }
    local folder
    folder=$local_dir/.libs/mongo-$(cksum <"$here/pom.xml" | cut -d' ' -f1)
    if [ ! -d "$folder" ]; then
        need mvn "it fetches the server from Maven Central, once" maven maven maven
        echo "mongo: fetching mongo-java-server from Maven Central" >&2
        local aside=$folder.$$
        mkdir -p "$local_dir/.libs"
        mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$aside" >&2 ||
            { rm -rf "$aside"; fail "Maven could not fetch what $here/pom.xml names"; }
        # Another start may have been faster.
        if [ -d "$folder" ]; then rm -rf "$aside"; else mv "$aside" "$folder"; fi
    fi
    echo "$folder"
}

# FerretDB: built when it is not there, or when its sources have changed since. Go asks for a list of
# versions only if go.sum lacks something, which -mod=readonly makes an error.
ferretdb() {
    [ -z "${FERRETDB:-}" ] || { echo "$FERRETDB"; return; }
    local program sources=("$here"/ferretdb/{main.go,gate.go,parts.go,go.mod,go.sum})
    program=$local_dir/.libs/ferretdb-$(cat "${sources[@]}" | cksum | cut -d' ' -f1)
    if [ ! -x "$program" ]; then
        echo "mongo: building FerretDB, once; it takes two minutes" >&2
        mkdir -p "$local_dir/.libs"
        (cd "$here/ferretdb" && CGO_ENABLED=0 go build -mod=readonly -trimpath -o "$program.$$" .) >&2 ||
            fail "Go could not build $here/ferretdb"
        mv "$program.$$" "$program"
    fi
    echo "$program"
}

# Fetches or builds what the store needs.
prepare() {
    case $store in
        memory) libs >/dev/null ;;
        ferretdb) ferretdb >/dev/null ;;
    esac
}

# The server's process id, if it runs. A number in the file is not enough: it may be another process's
# by now.
running() {
    local pid
    pid=$(cat "$pid_file" 2>/dev/null) || return 1
    case "$(ps -o args= -p "$pid" 2>/dev/null)" in
        *MongoJavaServer*" $port"* | *" 127.0.0.1:$port $data/sqlite"*) echo "$pid" ;;
        *) return 1 ;;
    esac
}

serves() {
    "$here/serves" 127.0.0.1 "$port"
}
