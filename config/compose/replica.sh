#!/usr/bin/env bash
# Lays a replica as a copy of the first server, once; then starts the server. Arguments: its command.
set -euo pipefail

if [[ ! -s "$PGDATA/PG_VERSION" ]]; then
  mkdir -p "$PGDATA"
  PGPASSWORD="$REPLICATION_PASSWORD" pg_basebackup \
    --dbname "host=${PRIMARY_HOST:-pg-1} port=${PRIMARY_PORT:-5432} user=replicator application_name=$(hostname)" \
    --pgdata "$PGDATA" --checkpoint fast --wal-method stream --write-recovery-conf
  chmod 700 "$PGDATA"
fi
exec "$@"
