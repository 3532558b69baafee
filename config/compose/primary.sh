#!/usr/bin/env bash
# Run once by the image when the first server is laid: the accounts, and who may stream.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
  --set app="$APP_PASSWORD" --set pointsman="$POINTSMAN_PASSWORD" --set replicator="$REPLICATION_PASSWORD" <<'SQL'
CREATE ROLE app LOGIN PASSWORD :'app';
CREATE DATABASE app OWNER app;
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'replicator';
-- Promotes and repoints: `pointsman check` lists the single rights that are enough instead.
CREATE ROLE pointsman LOGIN SUPERUSER PASSWORD :'pointsman';
SQL

echo "host replication replicator all scram-sha-256" >>"$PGDATA/pg_hba.conf"
