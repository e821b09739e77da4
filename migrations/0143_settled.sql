-- The source's own clock when it was first read up to the watermark.

-- +goose Up
ALTER TABLE feeds ADD COLUMN watermark_at timestamptz;
