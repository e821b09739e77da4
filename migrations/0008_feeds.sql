-- What the host's staff say to a feed, the pass that it makes now, and those it made.

-- +goose Up
-- A paused feed makes no pass of its own accord. asked_at is when a pass was asked for; asked_full, one that reads everything.
ALTER TABLE feeds ADD COLUMN paused_at timestamptz, ADD COLUMN paused_by text, ADD COLUMN asked_at timestamptz, ADD COLUMN asked_full boolean NOT NULL DEFAULT false;
GRANT UPDATE (paused_at, paused_by, asked_at, asked_full) ON feeds TO extranet_host;

-- The pass under way of each feed. One that was not heard of for a while was cut off.
CREATE TABLE running_passes (
  entity   text PRIMARY KEY,
  phase    text NOT NULL,
  rows_read bigint NOT NULL,
  expected bigint NOT NULL,
  began_at timestamptz NOT NULL,
  heard_at timestamptz NOT NULL
);
GRANT SELECT ON running_passes TO extranet_host, extranet_worker;
GRANT INSERT, UPDATE, DELETE ON running_passes TO extranet_worker;

-- The history of each feed. Passes in a row that changed nothing, or failed for the same reason, are one line with how many they were.
CREATE TABLE passes (
  pass_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  entity      text NOT NULL,
  way         text NOT NULL,
  began_at    timestamptz NOT NULL,
  ended_at    timestamptz NOT NULL,
  times       bigint NOT NULL DEFAULT 1,
  took_ms     bigint NOT NULL,
  rows_read   bigint NOT NULL,
  inserted    bigint NOT NULL,
  updated     bigint NOT NULL,
  deleted     bigint NOT NULL,
  quarantined bigint NOT NULL,
  error       text
);
CREATE INDEX passes_by_entity ON passes (entity, pass_id DESC);
CREATE INDEX passes_by_age ON passes (ended_at);
GRANT SELECT ON passes TO extranet_host, extranet_worker;
GRANT INSERT, UPDATE, DELETE ON passes TO extranet_worker;

-- A refused row that the host's staff asked to have tried again comes first.
ALTER TABLE quarantine ADD COLUMN asked_at timestamptz;
GRANT UPDATE (asked_at) ON quarantine TO extranet_host;

-- +goose Down
DROP TABLE passes, running_passes;
ALTER TABLE quarantine DROP COLUMN asked_at;
ALTER TABLE feeds DROP COLUMN paused_at, DROP COLUMN paused_by, DROP COLUMN asked_at, DROP COLUMN asked_full;
