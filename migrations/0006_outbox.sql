-- What partners decided, on its way to the core. A command is written in the transaction of the decision it carries,
-- and is delivered by the host's configured SQL; command_id is its idempotency key. place is its position among the
-- commands of one document, which reach the core in that order. next_try_at NULL: the mapping does not carry it.

-- +goose Up
CREATE TABLE outbox (
  partner_id   bigint NOT NULL REFERENCES partners,
  command_id   uuid NOT NULL,
  name         text NOT NULL,
  document     text NOT NULL,
  place        bigint NOT NULL,
  content      text NOT NULL,
  posted_at    timestamptz NOT NULL,
  posted_by    text NOT NULL,
  state        text NOT NULL DEFAULT 'waiting' CONSTRAINT outbox_commands_wait_or_end CHECK (state IN ('waiting', 'delivered', 'refused')),
  tries        integer NOT NULL DEFAULT 0,
  next_try_at  timestamptz,
  fault        text,
  ended_at     timestamptz,
  why          text,
  returned     text,
  refused_with uuid,
  asked        text CONSTRAINT outbox_is_asked_to_give_up_or_settle CHECK (asked IN ('give up', 'settle')),
  asked_why    text,
  asked_by     text,
  PRIMARY KEY (partner_id, command_id),
  CONSTRAINT outbox_has_one_command_at_a_place UNIQUE (partner_id, document, place)
);
CREATE INDEX outbox_due ON outbox (next_try_at, command_id) WHERE state = 'waiting' AND next_try_at IS NOT NULL;
CREATE INDEX outbox_by_id ON outbox (command_id);
CREATE INDEX outbox_behind ON outbox (partner_id, document, place) WHERE state = 'waiting';
CREATE INDEX outbox_by_state ON outbox (state, command_id DESC);
CREATE INDEX outbox_ended ON outbox (ended_at DESC) WHERE ended_at IS NOT NULL;
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON outbox TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON outbox TO extranet_host USING (true) WITH CHECK (true);
CREATE POLICY mirror ON outbox TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON outbox TO extranet_partner, extranet_host, extranet_worker;
GRANT UPDATE (state, next_try_at, ended_at, why, refused_with, asked, asked_why, asked_by) ON outbox TO extranet_host;
GRANT UPDATE, DELETE ON outbox TO extranet_worker;

-- Which commands the mapping says how to deliver. The host takes the others over by hand.
CREATE TABLE carried_commands (
  name    text PRIMARY KEY,
  source  text NOT NULL,
  carried boolean NOT NULL
);
GRANT SELECT ON carried_commands TO extranet_partner, extranet_host, extranet_worker;
GRANT INSERT, UPDATE ON carried_commands TO extranet_worker;

-- +goose Down
DROP TABLE carried_commands, outbox;
