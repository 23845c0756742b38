# shellcheck shell=bash disable=SC2034
# What the scripts beside this file share; they source it.
#
# KAFKA_PORT (9092, moved by PORT_OFFSET) and KAFKA_CONTROLLER_PORT (the next one) are the ports; KAFKA_DATA is the folder
# (.data/kafka beside this one); KAFKA_HEAP (512m) the broker's memory; KAFKA_LIBS a folder with the
# jars, if not the one that Maven fills here. KAFKA_TLS_PORT is a further port that speaks TLS, with an
# authority of its own in tls/ca.pem of the data folder; its certificate is for localhost.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
local_dir=$(dirname "$here")

port=${KAFKA_PORT:-$((9092 + ${PORT_OFFSET:-0}))}
controller_port=${KAFKA_CONTROLLER_PORT:-$((port + 1))}
tls_port=${KAFKA_TLS_PORT:-}
data=${KAFKA_DATA:-$local_dir/.data/kafka}
heap=${KAFKA_HEAP:-512m}
properties=$data/server.properties
pid_file=$data/pid
log_file=$data/server.log

fail() {
    echo "kafka: $*" >&2
    exit 1
}

need_java() {
    # A runtime would do for the broker; the store beside it takes a JDK.
    command -v java >/dev/null || fail "java is missing: a JDK, 17 or newer, such as
  Debian, Ubuntu   apt-get install openjdk-17-jdk-headless
  Fedora           dnf install java-21-openjdk-devel
  macOS            brew install openjdk"
}

need_maven() {
    command -v mvn >/dev/null || fail "mvn is missing, which fetches Kafka from Maven Central, once:
  Debian, Ubuntu   apt-get install maven
  Fedora           dnf install maven
  macOS            brew install maven
or set KAFKA_LIBS to a folder that holds Kafka's jars (the libs folder of its download)"
}

# Kafka's jars: fetched when they are not there, or when pom.xml has changed since. Fetched aside and
# renamed, so that a fetch cut short leaves nothing that looks whole.
libs() {
    [ -z "${KAFKA_LIBS:-}" ] || { echo "$KAFKA_LIBS"; return; }
    local folder
    folder=$local_dir/.libs/kafka-$(cksum <"$here/pom.xml" | cut -d' ' -f1)
    if [ ! -d "$folder" ]; then
        need_maven
        echo "kafka: fetching Kafka from Maven Central" >&2
        local aside=$folder.$$
        mkdir -p "$local_dir/.libs"
        mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$aside" >&2 ||
            { rm -rf "$aside"; fail "Maven could not fetch what $here/pom.xml names"; }
        # Another start may have been faster.
        if [ -d "$folder" ]; then rm -rf "$aside"; else mv "$aside" "$folder"; fi
    fi
    echo "$folder"
}

# The broker's process id, if it runs. A number in the file is not enough: it may be another
# process's by now.
running() {
    local pid
    pid=$(cat "$pid_file" 2>/dev/null) || return 1
    case "$(ps -o args= -p "$pid" 2>/dev/null)" in
        *"kafka.Kafka $properties"*) echo "$pid" ;;
        *) return 1 ;;
    esac
}

serves() {
    "$here/serves" 127.0.0.1 "$port"
}

# Becomes java with Kafka's jars on its class path.
kafka_java() {
    local jars
    jars=$(libs)
    exec java "-Dlog4j2.configurationFile=$here/log4j2.properties" -Djava.awt.headless=true \
        -cp "$jars/*" "$@"
}
