-- What the figures of a scorecard are reckoned from is entered by its day.

-- +goose Up
CREATE INDEX schedule_lines_by_day ON schedule_lines (partner_id, requested_on);
CREATE INDEX purchase_order_lines_by_day ON purchase_order_lines (partner_id, requested_on) WHERE requested_on IS NOT NULL;
CREATE INDEX purchase_promises_by_day ON purchase_promises (partner_id, promised_on);
CREATE INDEX purchase_versions_by_time ON purchase_versions (partner_id, at);

-- +goose Down
DROP INDEX purchase_versions_by_time, purchase_promises_by_day, purchase_order_lines_by_day, schedule_lines_by_day;
